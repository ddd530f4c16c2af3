"""What is shipped for Grafana and Prometheus, and what it is made with."""
