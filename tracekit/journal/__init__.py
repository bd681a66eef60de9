"""The record: JSON lines that any process can append to and any other can follow."""
