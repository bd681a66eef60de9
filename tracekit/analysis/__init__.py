"""Questions about a run: model in, model out, no I/O."""
