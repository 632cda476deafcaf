"""Rights that go away and come back: as a real API server, this one answers 403 without them."""

from tests.faults.fake.answers import Answer, Refusal
from tests.faults.fake.faults import Faults, Incoming
from tests.faults.fake.kinds import Target
from tests.faults.storms import Storm


class Rights(Faults):
    """Operators have no right in the `denied` namespaces. Watches that are open stay open.

    `may_look`: whether they may ask if a namespace exists.
    """

    def __init__(self, *, may_look: bool = True) -> None:
        self.denied: set[str] = set()
        self.may_look = may_look

    async def before(self, request: Incoming) -> Answer | None:
        target = request.target
        if target.namespace in self.denied:
            return forbidden(target)
        if target.kind.kind == "Namespace" and not self.may_look:
            return forbidden(target)
        return None


def forbidden(target: Target) -> Answer:
    """No Role allows it."""
    return Refusal(403, f"{target.kind.plural} is forbidden: User cannot do that there").answer


class RightsInAStorm(Storm):
    """The same, among all other faults."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.denied: set[str] = set()

    async def before(self, request: Incoming) -> Answer | None:
        target = request.target
        if target.namespace in self.denied:
            return forbidden(target)
        return await super().before(request)
