"""Losses, one file each: a frozen dataclass `Loss`, two pure functions of discriminator scores."""
