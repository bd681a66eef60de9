"""The content that is kept, and the placeholders that stand for the rest."""
