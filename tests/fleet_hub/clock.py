"""A clock that goes when it is told to."""


class Clock:
    """Seconds since the epoch; it begins at a whole one, as statuses have no parts of seconds."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self._stepped = 0.0

    def __call__(self) -> float:
        return self.now

    def step(self, seconds: float) -> None:
        """Somebody puts it."""
        self.now += seconds
        self._stepped += seconds

    def steady(self) -> float:
        """Seconds that pass, whatever it is put to."""
        return self.now - self._stepped
