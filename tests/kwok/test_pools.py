"""Services on 200 simulated nodes: they land where their spec says, and move only when meant to."""

from collections.abc import Iterator

import pytest

from tests.kwok.farm import NAMESPACE, Farm
from tests.kwok.kinds_of_nodes import KINDS, MIG_SLICES, SPOT
from tests.kwok.wishes import WISHES, Wish
from triton_operator.api import labels


def names(*wishes: str) -> set[str]:
    """The services of these wishes."""
    return {
        service["metadata"]["name"]
        for wish in WISHES
        if wish.name in wishes
        for service in wish.services(NAMESPACE)
    }


def test_every_service_lands_where_its_spec_says(farm: Farm, landed: dict[str, str]) -> None:
    assert len(landed) == 100

    farm.until_placed(landed)

    for kind in KINDS:
        status = farm.pool(kind.pool)["status"]
        assert status["nodes"] == kind.count
        assert farm.condition({"status": status}, "Ready")["status"] == "True"


def test_replicas_ask_for_the_devices_of_their_pool(farm: Farm, landed: dict[str, str]) -> None:
    farm.until_placed(landed)

    asked = {
        pod["metadata"]["labels"][labels.SERVICE]: {
            name: amount
            for name, amount in pod["spec"]["containers"][0]["resources"]["limits"].items()
            if "/" in name
        }
        for pod in farm.serving_pods()
    }
    assert asked["any-gpu-0"] == {"nvidia.com/mig-1g.10gb": "1"}
    assert asked["gpu-40-gib-0"] == {"nvidia.com/gpu": "1"}
    assert asked["four-gpus-0"] == {"nvidia.com/gpu": "4"}
    assert asked["anything-0"] == {}


def test_a_drained_pool_keeps_its_services(farm: Farm, landed: dict[str, str]) -> None:
    """Maintenance is no change of plan: pods wait, it is said, and they come back."""
    farm.until_placed(landed)
    on_mig = names("any-gpu", "low-latency")

    farm.cordon("mig", cordoned=True)
    assert farm.evict("mig") == len(on_mig)

    farm.until(
        "every evicted pod to be told unschedulable",
        lambda: all(
            farm.condition(service, "Available")["reason"] == "Unschedulable"
            for service in farm.services()
            if service["metadata"]["name"] in on_mig
        ),
    )
    places = farm.places()
    assert {name for name, pools in places.items() if pools != [landed[name]]} == on_mig
    assert all(places[name] == [""] for name in on_mig), "waiting, and nowhere else"
    farm.until(
        "the pool to say that no node takes pods",
        lambda: farm.condition(farm.pool("mig"), "Ready")["reason"] == "NoNodes",
    )

    farm.cordon("mig", cordoned=False)
    farm.until_placed(landed)


@pytest.fixture
def mig_comes_back(farm: Farm) -> Iterator[None]:
    yield
    farm.api.create(MIG_SLICES.serving_pool())


def test_a_pool_that_is_taken_away_hands_its_services_on(
    farm: Farm, landed: dict[str, str], mig_comes_back: None
) -> None:
    """To the next pool that fits, by price; nobody else moves."""
    farm.until_placed(landed)
    before = {pod["metadata"]["name"] for pod in farm.serving_pods()}

    farm.api.delete(MIG_SLICES.serving_pool())

    moved = names("any-gpu", "low-latency")
    farm.until_placed({**landed, **dict.fromkeys(moved, "l4")})
    stayed = {
        pod["metadata"]["name"]
        for pod in farm.serving_pods()
        if pod["metadata"]["labels"][labels.SERVICE] not in moved
    }
    assert stayed <= before, "pods of other services were replaced"


@pytest.fixture
def spot_goes_again(farm: Farm) -> Iterator[None]:
    yield
    farm.api.delete(SPOT.serving_pool())


def test_a_cheaper_pool_attracts_those_who_named_none(
    farm: Farm, landed: dict[str, str], spot_goes_again: None
) -> None:
    """And of those only the ones that its nodes can take."""
    farm.until_placed(landed)

    farm.add(SPOT)

    farm.until_placed({**landed, **dict.fromkeys(names("anything"), "spot")})


def test_what_fits_nowhere_is_told_pool_by_pool(farm: Farm, landed: dict[str, str]) -> None:
    farm.until_placed(landed)
    wish = Wish("huge", "", "", {"accelerator": "GPU", "resources": {"memory": "2Ti"}})
    service = wish.service(NAMESPACE, "huge")
    farm.api.create(service)

    farm.until(
        "a refusal",
        lambda: farm.condition(farm.service("huge"), "Planned")["reason"] == "NoPoolFits",
    )

    message = farm.condition(farm.service("huge"), "Planned")["message"]
    for part in (
        "pool a100: 20 nodes: 20 have 1Ti",
        "pool l4: 60 nodes: 60 have 48Gi",
        "pool mig: 10 nodes: 10 have 32Gi",
    ):
        assert part.replace("1Ti", "1024Gi") in message
    farm.api.delete(service)
