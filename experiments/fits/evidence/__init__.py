"""What runs say of the mean of a cell: one signed root of the deviance for every kind of cell."""
