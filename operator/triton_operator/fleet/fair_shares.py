"""Of what is not enough for all, nobody gets more than an equal part before the others have what
they ask for (max-min fairness). So whoever asks for more than there is takes from those that ask
for more than an equal part, and not from all that come later in an order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def level(asked: Sequence[float], room: float) -> float:
    """The most that one gets: `sum(min(one, level) for one in asked) == room`; no bound where there
    is room for all. In the unit of both."""
    if sum(asked) <= room:
        return math.inf
    left = max(0.0, room)
    ordered = sorted(asked)
    for count, one in enumerate(ordered):
        equal = left / (len(ordered) - count)
        if one > equal:
            return equal
        left -= one
    return math.inf


def whole_shares(asked: Sequence[int], room: int) -> list[int]:
    """The same in whole pieces, as many as there are; what an equal part leaves goes to the first
    ones that ask for more."""
    most = level(asked, room)
    if math.isinf(most):
        return list(asked)
    given = [min(one, math.floor(most)) for one in asked]
    rest = max(0, room) - sum(given)
    for place, one in enumerate(asked):
        more = min(1, rest, one - given[place])
        given[place] += more
        rest -= more
    return given
