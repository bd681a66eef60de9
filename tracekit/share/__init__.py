"""Forms of a run for people and programs that do not have tracekit."""
