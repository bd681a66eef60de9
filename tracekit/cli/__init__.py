"""The command line: one command a file. Data goes to stdout, narration to stderr."""
