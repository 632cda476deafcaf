"""A service that is managed by the fleet is left to its hub, by a whole operator too."""

import pytest

from tests.api.audit import Audit
from tests.api.client import RefusedError
from tests.api.shop import Shop

FLEET = "serving.triton-operator.io/fleet"
STATUS = {
    "observedGeneration": 1,
    "placement": {
        "revision": 1,
        "decidedAt": "2026-11-20T10:00:00Z",
        "unplaced": "0",
        "clusters": [{"name": "a", "state": "Connected", "floor": 0, "ceiling": 3, "ready": 1}],
    },
}


def test_nothing_is_made_of_it_and_its_status_is_the_hub_s(shop: Shop, audit: Audit) -> None:
    shop.operator.ensure(sweep_seconds=1)
    mark = audit.mark()
    shop.add_profile(1)
    shop.add_service("fleet", 1, managedBy=FLEET, placement={"replicas": {"max": 3}})
    shop.merge("InferenceService", "fleet", {"status": STATUS}, "status")
    # One beside it, so that it is known that the operator has seen both.
    shop.add_running("own")
    shop.change("fleet", scaling={"minReplicas": 2})
    shop.operator.pass_sweeps(2, keys=2)
    shop.until("the end of the work", shop.operator.is_quiet)

    assert not shop.children("fleet")
    assert shop.status("fleet") == STATUS
    written = {write.name for write in audit.writes(shop.namespace, since=mark)}
    assert "own" in written
    assert not [name for name in written if name.startswith("fleet")]


def test_who_manages_it_cannot_change(shop: Shop) -> None:
    """Children would be left behind, or two would make them."""
    shop.operator.ensure()
    shop.add_running("a")

    with pytest.raises(RefusedError) as refusal:
        shop.change("a", managedBy=FLEET)

    assert "managedBy cannot change: delete the object and create it anew" in str(refusal.value)
