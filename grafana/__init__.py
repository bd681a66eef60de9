"""What shows exported spans and metrics in Grafana and Jaeger: dashboards as code, provisioning, and a compose file.

The files that Grafana loads are written into the package, where `tracekit grafana` finds them.
"""
