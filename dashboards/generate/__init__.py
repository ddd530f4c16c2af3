"""Makes the Grafana dashboards: `python -m dashboards.generate` writes them to `dashboards/grafana/`."""
