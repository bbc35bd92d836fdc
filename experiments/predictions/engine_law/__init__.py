"""Which runs the engine `law` draws, and how."""
