"""How exact a simulated share is."""

import math


def off(hits: int, count: int, expected: float) -> float:
    """By how many standard errors the share of hits is off what is expected."""
    return abs(hits / count - expected) / math.sqrt(expected * (1 - expected) / count)
