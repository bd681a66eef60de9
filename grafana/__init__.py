"""What shows exported spans in Grafana and Jaeger: dashboards, provisioning, and a compose file. Not in the wheel."""
