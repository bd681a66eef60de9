"""Where what a step was given came from: data that flowed, effects that conflict, and what follows for two steps."""
