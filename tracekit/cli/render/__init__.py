"""Draw runs as text, as wide as the terminal, readable in a pipe."""
