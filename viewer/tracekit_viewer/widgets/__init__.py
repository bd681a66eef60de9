"""Widgets ask: each draws what it is given, and tells its screen what its user wants."""
