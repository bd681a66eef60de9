"""The viewer: runs, their trees over time and what was said, in a terminal."""
