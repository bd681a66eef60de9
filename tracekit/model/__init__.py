"""The model of a run: frozen dataclasses, standard library only, no I/O."""
