"""Spans of other tools: received over OTLP, read from files, or pulled from a store of traces.

Spans of every form become `SourceSpan` (`decode`, `json_form`, `jaeger`), which `records` keeps in a file for each trace,
after redaction. `session` makes a run of such a file: `dialects` say the meaning of each span, `folding` merges the spans
of one call, and `tree` puts the levels in order. `receiver` listens.
"""
