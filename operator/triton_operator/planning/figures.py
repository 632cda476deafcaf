"""Numbers in sentences: as many digits as people compare, and never an exponent."""

from decimal import Decimal


def figure(value: float) -> str:
    """Three digits that count, or all before the point."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return format(Decimal(f"{value:.3g}"), "f")


def difference(value: float, than: float) -> str:
    """By how much of `than` a value lies above or below it: +8 %, -12 %."""
    return f"{100 * (value / than - 1):+.0f} %"
