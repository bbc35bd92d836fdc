"""What is known before anything runs: exact predictions, their rules, forecasts."""
