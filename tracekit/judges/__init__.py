"""Judges of possible findings: Claude, others by entry point, and the store of their rulings. Only `check --judge` asks.

Begin with `asking.py`.
"""
