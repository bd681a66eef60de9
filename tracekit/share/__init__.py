"""Export formats for people and programs without tracekit."""
