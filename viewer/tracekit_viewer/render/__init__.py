"""Pure drawing: from runs to rows of text, without a terminal."""
