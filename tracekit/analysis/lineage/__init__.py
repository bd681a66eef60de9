"""Dependence between steps: data that flows from one to another, conflicting effects, and the verdict on each pair."""
