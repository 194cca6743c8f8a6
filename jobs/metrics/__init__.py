"""What Prometheus sees of a cluster: read from the record by `basicaer metrics`, whichever machine it runs on."""

from jobs.metrics.exporter import serve

__all__ = ["serve"]
