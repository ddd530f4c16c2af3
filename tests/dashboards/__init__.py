"""The Grafana dashboards, as committed: what can be held without a Prometheus."""
