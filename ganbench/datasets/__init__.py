"""Datasets, one file each: a frozen dataclass `Dataset` whose fields are its settings."""
