"""What figures are drawn with: where the names of curves stand."""
