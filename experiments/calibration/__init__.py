"""Calibration: what a log of real calls says about the mutator, its tokens, seconds and prices, with intervals."""
