"""Kubernetes quantities as integers and back: millicores and bytes."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation

_SUFFIXES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
}
MEBIBYTE = 2**20


def parse_quantity(text: str) -> Decimal:
    """The number that a quantity such as `500m`, `2` or `4Gi` means.

    Raises:
        ValueError: not a quantity.
    """
    number = text.rstrip("mkMGTPi")
    suffix = text[len(number) :]
    try:
        return Decimal(number) * _SUFFIXES[suffix]
    except (InvalidOperation, KeyError):
        raise ValueError(f"{text!r} is not a quantity such as 500m, 2 or 4Gi") from None


def millicores(text: str) -> int:
    """CPU in thousandths of a core, rounded up."""
    return int((parse_quantity(text) * 1000).to_integral_value(ROUND_CEILING))


def size_bytes(text: str) -> int:
    """Memory in bytes, rounded up."""
    return int(parse_quantity(text).to_integral_value(ROUND_CEILING))


def cpu_quantity(milli: int) -> str:
    """Millicores as Kubernetes writes them, so that an applied object equals the stored one."""
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def memory_quantity(count: int) -> str:
    """Bytes as whole mebibytes, rounded up; whole gibibytes as Gi, as Kubernetes writes them."""
    mebibytes = -(-count // MEBIBYTE)
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"
