"""Evolutionary algorithms: how many offspring a generation has, whom they come from, and who stays."""
