"""The lake: Parquet files of many hosts, written without a lock, and read by DuckDB."""
