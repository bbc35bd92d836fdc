"""How cost grows: series, forms, fitted laws, claims."""
