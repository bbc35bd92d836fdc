"""What frameworks for LLM-driven evolution write of their calls, a module a framework, each saying what is lost."""
