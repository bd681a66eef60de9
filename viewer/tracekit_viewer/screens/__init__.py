"""Screens act: each answers what its widgets ask, and knows where its data comes from."""
