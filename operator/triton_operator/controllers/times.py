"""Times as the Kubernetes API writes them, and delays."""

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as `2026-11-23T00:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(seconds: float) -> str:
    """Seconds since the epoch as a Kubernetes MicroTime, `2026-11-23T00:00:00.000000Z`."""
    time = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return time.replace("+00:00", "Z")


def epoch_seconds(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


def sooner(one: float | None, other: float | None) -> float | None:
    """The smaller of two delays in seconds; None is never."""
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)
