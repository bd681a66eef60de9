"""The folder that `tracekit run` puts on a child's path: a `sitecustomize` that starts the recording."""
