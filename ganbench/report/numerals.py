"""Numbers as the page prints them."""

import math

from ganbench.stats.intervals import Interval, Share


def decimals(value: float) -> int:
    """Decimal places that show three significant digits, four places at most."""
    if value == 0 or not math.isfinite(value):
        return 2
    return min(4, max(0, 2 - math.floor(math.log10(abs(value)))))


def number(value: float | None, places: int | None = None) -> str:
    """A lone number with three significant digits, or so many places; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{decimals(value) if places is None else places}f}".replace("-", "−")


def span(interval: Interval | None, places: int | None = None) -> str:
    """`[4.0, 8.2]`; a dash for none."""
    return "–" if interval is None else f"[{number(interval.low, places)}, {number(interval.high, places)}]"


def percent(share: Share) -> str:
    """`2 of 5, 40 % [12, 77]`."""
    low, high = (f"{100 * end:.0f}" for end in (share.interval.low, share.interval.high))
    return f"{share.events:g} of {share.count}, {100 * share.value:.0f} % [{low}, {high}]"


def p_value(p: float) -> str:
    """`0.031`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def plural(count: int, thing: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def listed(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
