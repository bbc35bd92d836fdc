"""The paper, statement by statement: what shows each, what came out, on what assumption (docs/paper.md)."""
