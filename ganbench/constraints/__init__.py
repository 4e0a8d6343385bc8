"""Constraints, one file each: a frozen dataclass `Constraint`, applied after each discriminator step."""
