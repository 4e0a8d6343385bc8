"""Metrics, one file each: a frozen dataclass `Metric`, one number about one run."""
