"""A Prometheus exporter for the health of certificate revocation information."""

__version__ = "0.1.0"
