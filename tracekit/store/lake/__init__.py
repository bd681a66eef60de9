"""The lake: Parquet files of many hosts, in a folder or an object store, written without a lock and read by DuckDB."""
