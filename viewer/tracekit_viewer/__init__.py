"""The viewer: runs, their trees over time, and their messages, in a terminal."""
