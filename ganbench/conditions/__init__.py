"""Conditions, one file each: a frozen dataclass `Condition`, what a sample is made for."""
