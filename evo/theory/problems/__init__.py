"""The law of a run on other problems than BlockOneMax."""
