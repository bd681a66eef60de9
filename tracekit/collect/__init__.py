"""Bring the store up to date with the journals, run by run. Every reader collects first."""
