"""Laws of random times."""
