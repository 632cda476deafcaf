"""What a reconcile may look at: nothing that it does not need, and all of what it writes whole."""

import asyncio

import pytest

from tests.unit.controllers.shell import Shell
from tests.unit.controllers.test_variants import variant
from tests.unit.controllers.world import FETCH, edit, pinned
from tests.unit.planning.building import DEFAULTS, DIGEST, conversion, measurement
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.controllers.candidate_digests import candidate_digests
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.observer import Observer
from triton_operator.controllers.pool_set import PoolSet
from triton_operator.manifests.companions import NO_COMPANIONS
from triton_operator.manifests.model_profile import profile_of_findings


def seen(*, measured: list[Measurement], converted: list[Conversion], **spec: object) -> Observed:
    """What is seen of a service that asks for nothing else, beside the operator's own profile."""
    cluster = pinned()
    edit(**spec)(cluster)
    cluster.put(profile_of_findings("shop", DIGEST, measured, converted))
    shell = Shell(cluster)
    shell.watch()
    observer = Observer(
        store=shell.store,
        pools=PoolSet(shell.store, DEFAULTS, shell.now),
        events=EventReader(cluster, shell.clock),  # type: ignore[arg-type]
        devices=DeviceReader(lambda _: None, shell.clock),
        autoscaler=shell.autoscaler,
        fetch=FETCH,
        companions=NO_COMPANIONS,
        now=shell.now,
    )
    service = shell.store.service("shop", "filetype")
    assert service is not None
    return asyncio.run(observer.observe(service))


@pytest.mark.parametrize("converted", [[], [conversion()]], ids=["no copies", "a copy"])
def test_the_own_profile_is_read_where_pods_may_say_something_of_a_copy(
    converted: list[Conversion],
) -> None:
    """Whoever writes one row writes all; with nothing to write, hundreds need not be read."""
    measured = [measurement({1: 30})]
    found = seen(measured=measured, converted=converted)

    assert list(found.converted) == converted
    assert list(found.measured) == (measured if converted else [])


def test_of_variants_what_was_found_out_is_read_of_the_first_digest_too() -> None:
    """That is not always the one that is served: what serves may not be known yet. A Job's numbers
    are then added to what is written of its model, and must not replace it."""
    measured = [measurement({1: 30})]
    found = seen(
        measured=measured,
        converted=[],
        measurement={"mode": "IfUnknown"},
        variants=[variant("small", None)],
    )

    assert candidate_digests(found.service)[0] == DIGEST
    assert list(found.found_out[DIGEST].measured) == measured
