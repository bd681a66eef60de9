"""The wire: spans out to an OpenTelemetry collector, while they happen or later from the record.

What is sent is made of the same events as the record, with the record's ids and times, so both tell the same. Where the
application has a TracerProvider of its own, that one exports, and nothing here does.

- `destination.py`: where spans and metrics go, as the ``OTEL_*`` variables say.
- `told.py`, `attributes.py`, `content.py`: a span of the record in the conventions' form.
- `live.py`, `outbox.py`: spans that end now, and the thread that sends them.
- `recorded.py`, `send.py`: the spans of a recorded run.
- `delivery.py`, `sizes.py`: requests that a collector can take.
- `wire.py`, `exporters.py`, `log_capture.py`: OpenTelemetry's SDK and exporters, loaded here only, and what came back.
- `ledger.py`, `losses.py`: what could not be sent, for `tracekit doctor`.
- `instruments.py`, `metrics.py`, `metering.py`: metrics of calls.
"""
