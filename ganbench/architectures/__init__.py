"""Architectures, one file each: a frozen dataclass `Architecture` that builds both networks."""
