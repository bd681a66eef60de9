"""The receiver of OTLP: `intake` takes requests over HTTP (`http`) and gRPC (`rpc`), `runs` makes runs of their spans.

`serve` starts and ends all of it. Spans of a request are on the disk before the request is acknowledged.
"""
