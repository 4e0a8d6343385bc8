"""Penalties, one file each: a frozen dataclass `Penalty`, a term added to the discriminator loss."""
