"""The store: a DuckDB file that answers questions about all runs. An index of the journals, which are the record.

DuckDB is imported here alone, and only once a store is opened.
"""
