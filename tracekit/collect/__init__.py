"""Journals → store: what changed since the last time, run by run. Whoever looks, collects."""
