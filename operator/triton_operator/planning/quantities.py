"""Kubernetes quantities as integers and back: millicores and bytes."""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?)([numkMGTPE]|[KMGTPE]i)?")
MEBIBYTE = 2**20
LONGEST = 32
"""Characters: arithmetic takes time by the square of digits, and any pod may ask for millions."""


def parse_quantity(text: str) -> Decimal:
    """The number that a quantity such as `500m`, `2` or `4Gi` means.

    Nodes report more than this API accepts (`16393244Ki`, `129e6`), so all of Kubernetes' forms
    are read; only signs are not.

    Raises:
        ValueError: not a quantity, or one of more than 32 characters.
    """
    if len(text) > LONGEST:
        raise ValueError(
            f"{text[:LONGEST]!r}… has {len(text)} characters; a quantity has {LONGEST} at most"
        )
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a quantity such as 500m, 2 or 4Gi")
    return Decimal(found[1]) * _SUFFIXES[found[2] or ""]


@lru_cache(maxsize=4096)
def millicores(text: str) -> int:
    """CPU in thousandths of a core, rounded up."""
    return int((parse_quantity(text) * 1000).to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
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
