"""What is run: cells, grids, axes, and files that describe them."""
