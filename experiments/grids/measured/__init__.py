"""What was measured of a model: the calibration file (TOML), and the parts of cells that follow from it."""
