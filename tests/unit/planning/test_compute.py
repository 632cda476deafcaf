"""CPU of a replica: stated by the service, else by the pool, else one core."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import resources
from triton_operator.api.inference_service import Resources
from triton_operator.planning.compute import choose_compute
from triton_operator.planning.quantities import cpu_quantity


class Row(NamedTuple):
    name: str
    wanted: Resources | None
    pool: Resources
    threads: int
    request: int
    limit: int
    why: str
    says: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Row("nothing said", None, resources(), 1, 1000, 1000, "one core", "from the default"),
        Row("pool", None, resources("4"), 4, 4000, 4000, "a thread per core", "replicaResources"),
        Row(
            "service wins",
            resources("2"),
            resources("4"),
            2,
            2000,
            2000,
            "the service knows its model",
            "2 threads: 2 CPU from spec.hardware.resources",
        ),
        Row(
            "memory only",
            resources(memory="4Gi"),
            resources("4"),
            4,
            4000,
            4000,
            "each quantity for itself",
        ),
        Row(
            "part of a core",
            resources("500m"),
            resources(),
            1,
            500,
            1000,
            "a thread stopped by a quota in mid-batch waits for the next period",
            "1 thread: 500m",
        ),
        Row("one and a half", resources("1500m"), resources(), 2, 1500, 2000, "whole cores above"),
        Row("nothing at all", resources("0"), resources(), 1, 0, 0, "no request, still a thread"),
    ],
    ids=lambda row: row.name,
)
def test_choice_on_cpus(row: Row) -> None:
    choice = choose_compute(row.wanted, row.pool, gpu=False)

    assert (choice.threads, choice.request_millicores, choice.limit_millicores) == (
        row.threads,
        row.request,
        row.limit,
    ), row.why
    assert choice.instances == 1
    assert row.says in choice.reason


def test_threads_are_left_alone_on_a_gpu() -> None:
    choice = choose_compute(resources("3"), resources(), gpu=True)

    assert choice.threads is None
    assert (choice.request_millicores, choice.limit_millicores) == (3000, 3000)


@given(st.integers(1, 256_000), st.booleans())
def test_limits_are_the_request_in_whole_cores_and_threads_fill_them(milli: int, gpu: bool) -> None:
    choice = choose_compute(resources(cpu_quantity(milli)), resources(), gpu=gpu)

    assert choice.request_millicores == milli
    assert choice.limit_millicores % 1000 == 0
    assert 0 <= choice.limit_millicores - milli < 1000
    if choice.threads is not None:
        assert choice.instances * choice.threads * 1000 == choice.limit_millicores
