"""What a call and a generation do: starts, gains of a chunk, acceptance, votes, passes."""
