"""What a run is: frozen dataclasses, standard library only, no I/O."""
