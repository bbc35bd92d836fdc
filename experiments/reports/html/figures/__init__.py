"""Figures of the page: SVG of our own, drawn for a wide screen and for a phone, with values to hover over."""
