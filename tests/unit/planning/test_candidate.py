"""What is measured on a pool: what the plan runs, with larger batches where their size is free."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.building import (
    COPY_DIGEST,
    LARGE_NODE,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    resources,
    spec,
    straight,
)
from triton_operator.api.enums import Engine, Precision
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.model.measurement.measured import decimal_text
from triton_operator.planning.candidate import (
    candidate,
    is_measured,
    seconds_for_each,
    to_measure,
    ways_to_compare,
)
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Bounds, Pool


def row(pool: Pool, model: Any = None, **parts: Any) -> tuple[PoolPlan, PoolPlan]:
    """The row of the plan, and the candidate."""
    wanted, known = spec(**parts), model or facts()
    plan = plan_service(wanted, known, [pool])
    assert isinstance(plan, Plan)
    return plan.pools[0], candidate(wanted, known, plan.pools[0])


@pytest.mark.parametrize(
    ("parts", "changes", "largest"),
    [
        ({}, {}, 16),
        ({"batching": {"maxBatchSize": 6}}, {}, 6),
        ({}, {"max_batch_size": 8}, 8),
        ({"batching": {"mode": "Fixed", "maxBatchSize": 32}}, {}, 32),
        ({"batching": {"mode": "Off"}}, {}, 1),
        ({}, {"batchable": False, "reason": "no batch axis"}, 0),
    ],
)
def test_batches_are_as_large_as_they_may_be(
    parts: dict[str, Any], changes: dict[str, Any], largest: int
) -> None:
    _, found = row(pool("cpu"), facts(**changes), **parts)

    assert found.max_batch_size == largest


def test_on_gpus_they_are_larger() -> None:
    _, found = row(gpu_pool("l4"))

    assert found.max_batch_size == 64


def test_nothing_but_batches_and_memory_is_different() -> None:
    planned, found = row(pool("cpu"))

    assert found.memory_bytes >= planned.memory_bytes
    for name in ("image", "release", "precision", "instances", "threads", "cpu_limit_millicores"):
        assert getattr(found, name) == getattr(planned, name)


def test_nothing_is_rejected_while_it_is_measured() -> None:
    planned, found = row(pool("cpu"), batching={"overload": "Reject"})

    assert planned.queue_timeout_microseconds
    assert not found.queue_timeout_microseconds


def test_pools_that_come_first_do_not_matter() -> None:
    """The pool at hand may be the one to which replicas spill over."""
    wanted = spec(hardware={"pools": ["other", "cpu"]})
    plan = plan_service(wanted, facts(), [pool("other"), pool("cpu")], {"cpu"})
    assert isinstance(plan, Plan)
    first, second = plan.pools
    found = candidate(wanted, facts(), second)

    assert (first.pool.name, second.pool.name, found.pool.name) == ("other", "cpu", "cpu")
    assert found.max_batch_size == 16


def planned(where: Pool, rows: Any, **parts: Any) -> PoolPlan:
    """The row of the plan that follows measurements."""
    plan = plan_service(spec(**parts), facts(), [where], (), rows)
    assert isinstance(plan, Plan)
    return plan.pools[0]


def test_instances_and_threads_are_those_of_the_plan() -> None:
    where = pool("cpu", replica_resources=resources("4"))
    four = measurement(straight(1, 1, (1, 2, 4)), instances=4, threads=1)
    row = planned(where, [four])
    found = candidate(spec(), facts(), row)

    assert (row.instances, row.threads) == (4, 1)
    assert (found.instances, found.threads, found.max_batch_size) == (4, 1, 16)
    alone = candidate(spec(), facts(), planned(where, []))
    assert found.memory_bytes > alone.memory_bytes, "each instance has its copy"


def test_a_job_has_the_estimate_at_least_where_the_batch_is_given() -> None:
    """What was measured before would else be the limit of what is found."""
    fixed = {"batching": {"mode": "Fixed", "maxBatchSize": 4}}
    known = measurement(straight(1, 1, (1, 2, 4)), memory="100Mi", source="Declared")
    row, guess = (planned(pool("cpu"), rows, **fixed) for rows in ([known], []))
    found = candidate(spec(**fixed), facts(), row)

    assert row.memory_bytes < guess.memory_bytes
    assert found.memory_bytes == guess.memory_bytes
    assert found.max_batch_size == 4


def test_a_job_has_the_memory_that_is_stated() -> None:
    stated = {"hardware": {"resources": {"memory": "300Mi"}}}

    assert row(pool("cpu"), **stated)[1].memory_bytes == 300 * 2**20


def test_a_pool_without_room_for_larger_batches_is_measured_as_it_is() -> None:
    one = planned(pool("cpu"), [])
    large = candidate(spec(), facts(), one)
    shape = replace(LARGE_NODE, memory_bytes=(one.memory_bytes + large.memory_bytes) // 2)
    narrow = replace(one, pool=pool("cpu", shapes=(shape,)))

    assert large.memory_bytes > one.memory_bytes
    assert candidate(spec(), facts(), narrow).max_batch_size == one.max_batch_size


@pytest.mark.parametrize(
    ("where", "changes", "known"),
    [
        (gpu_pool("g", product="L4", accelerators_per_replica=2), {"product": "L4"}, True),
        (gpu_pool("g", product="L4"), {"product": "L4", "instances": 2}, False),
        (gpu_pool("g", product="L4"), {}, False),
        (gpu_pool("g"), {}, True),
        (gpu_pool("g"), {"hardware": {"cpu": "EPYC"}}, False),
        (pool("cpu"), {"product": "L4"}, False),
        (pool("cpu"), {"hardware": {"cpu": "EPYC"}}, True),
        (pool("cpu"), {"latency": []}, False),
    ],
)
def test_what_is_known_is_what_the_plan_would_use(
    where: Pool, changes: dict[str, Any], known: bool
) -> None:
    """On such hardware, and with instances per accelerator."""
    row = measurement({1: 8.5}, **changes)

    assert is_measured(planned(where, []), facts(), row) is known
    assert (planned(where, [row]).measured is not None) is (known or row.instances == 2)


FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
ROWS = "sha256:" + "ef" * 32
ONE_CORE = pool("cpu")
TWO_CORES = pool("cpu", replica_resources=resources("2"))
FOUR_CORES = pool("cpu", replica_resources=resources("4"))
L4 = gpu_pool("l4", product="L4")
ASKED = {
    "model": {"uri": "pvc://m/a.onnx", "samples": {"uri": "pvc://m/a.npz"}},
    "measurement": {"mode": "IfUnknown"},
}
FIXED_AT_8 = {"batching": {"mode": "Fixed", "maxBatchSize": 8}}


def within(milliseconds: int) -> dict[str, Any]:
    return {"objective": {"latency": {"milliseconds": milliseconds}}}


INT8_ASKED = {**ASKED, "precision": {"mode": "INT8"}}


def took(
    precision: str = "FP32", instances: int = 1, threads: int | None = None, **changes: Any
) -> Measurement:
    """A row as a Job writes it that has the service's samples."""
    values = {"source": "Measured", "samplesDigest": ROWS, "ended": "Slower", **changes}
    return measurement(
        {1: 8.5, 4: 20},
        precision=precision,
        instances=instances,
        threads=threads,
        **{name: value for name, value in values.items() if value is not None},
    )


class Way(NamedTuple):
    name: str
    why: str
    ways: list[tuple[Precision, int, int | None]]
    pool: Pool = FOUR_CORES
    known: tuple[Measurement, ...] = ()
    copies: tuple[Conversion, ...] = ()
    spec: dict[str, Any] = ASKED


WAYS = [
    Way("one core", "there is one way to use it", [(FP32, 1, 1)], ONE_CORE),
    Way("cores", "both ends, then between", [(FP32, 1, 4), (FP32, 4, 1), (FP32, 2, 2)]),
    *(
        Way(
            f"{cores} cores",
            "the instances between are few, and leave no core without a thread",
            [(FP32, 1, cores), (FP32, cores, 1), *between],
            pool("cpu", replica_resources=resources(str(cores))),
        )
        for cores, between in [
            (2, []),
            (3, []),
            (5, []),
            (6, [(FP32, 2, 3)]),
            (8, [(FP32, 2, 4)]),
            (12, [(FP32, 3, 4)]),
            (16, [(FP32, 4, 4)]),
        ]
    ),
    Way("GPU", "instances are not guessed at", [(FP32, 1, None)], L4),
    Way(
        "known in part",
        "the other ways are left",
        [(FP32, 4, 1), (FP32, 2, 2)],
        known=(took(threads=4),),
    ),
    Way(
        "the other way serves already",
        "as it is better, and the first is known",
        [(FP32, 2, 2)],
        known=(took(threads=4, latency=[{"batchSize": 1, "milliseconds": "90"}]), took("FP32", 4)),
    ),
    Way(
        "known of made-up inputs",
        "samples tell how long real ones take",
        [(FP32, 1, 1)],
        ONE_CORE,
        (took(samplesDigest=None),),
    ),
    Way(
        "known of made-up inputs, without samples",
        "the Job would make up the same",
        [],
        ONE_CORE,
        (took(samplesDigest=None),),
        spec={"measurement": {"mode": "IfUnknown"}},
    ),
    *(
        Way(
            f"known to 4: {name}",
            "a row is as long as who measured wanted it",
            [(FP32, 1, 1)] if more else [],
            ONE_CORE,
            (took(ended=end),),
            spec={**ASKED, **parts},
        )
        for name, more, end, parts in [
            ("all that another wanted", True, "MaxBatchSize", {}),
            ("all that is wanted here", False, "MaxBatchSize", {"batching": {"maxBatchSize": 4}}),
            ("a tighter objective than here", True, "Objective", within(21)),
            ("the objective is as tight here", False, "Objective", within(20)),
            ("larger ones do less", False, "Slower", {}),
            ("larger ones fail", False, "Failed", {}),
            ("there was no more time", False, "Budget", {}),
            ("an earlier version does not say why", True, None, {}),
            ("nor where it does not matter", False, None, within(20)),
            ("larger ones than that are given", True, "MaxBatchSize", FIXED_AT_8),
        ]
    ),
    Way(
        "declared to 4",
        "its author knows what it is for",
        [],
        ONE_CORE,
        (took(source="Declared", ended=None),),
    ),
    Way(
        "known of another service's samples",
        "they are real inputs too",
        [],
        ONE_CORE,
        (took(),),
        spec={"measurement": {"mode": "IfUnknown"}},
    ),
    Way(
        "declared",
        "whoever declares has chosen what to compare",
        [],
        known=(took(threads=4, source="Declared"),),
    ),
    Way(
        "declared for other threads",
        "what runs is measured all the same",
        [(FP32, 1, 4)],
        known=(took(threads=3, source="Declared"),),
    ),
    Way(
        "copy",
        "FP32 first, as there is nothing to beat before",
        [(FP32, 1, 4), (FP32, 4, 1), (FP32, 2, 2), (INT8, 1, 4), (INT8, 4, 1), (INT8, 2, 2)],
        copies=(conversion(),),
    ),
    Way(
        "two copies",
        "together no more than the model itself, and each in as many as the other",
        [(FP32, 1, 4), (FP32, 4, 1), (FP32, 2, 2), (FP16, 1, 4), (INT8, 1, 4)],
        pool("cpu", replica_resources=resources("4"), precisions=(FP16, INT8)),
        copies=(conversion(), conversion("FP16")),
    ),
    Way(
        "two copies, and instances of a profile",
        "what is known to do best is tried first",
        [(FP32, 1, 4), (FP32, 4, 1), (FP16, 2, 2), (INT8, 2, 2)],
        pool("cpu", replica_resources=resources("4"), precisions=(FP16, INT8)),
        (took("FP32", 2, 2),),
        (conversion(), conversion("FP16")),
    ),
    Way(
        "a copy, and instances of a profile that are none of the three",
        "seven at most",
        [(FP32, 1, 4), (FP32, 4, 1), (FP32, 2, 2), (INT8, 3, 1), (INT8, 1, 4), (INT8, 4, 1)],
        known=(took("FP32", 3, 1),),
        copies=(conversion(),),
    ),
    Way(
        "copies on a GPU",
        "one way each",
        [(FP16, 1, None), (INT8, 1, None)],
        L4,
        (took(product="L4"),),
        (conversion(), conversion("FP16")),
    ),
    Way(
        "copy that may not be used",
        "its speed is of no use",
        [(FP32, 1, 1)],
        ONE_CORE,
        copies=(conversion(agreement="0.9"),),
    ),
    Way(
        "copy, declared",
        "its numbers are there",
        [],
        ONE_CORE,
        (took(source="Declared"), took("INT8", source="Declared")),
        (conversion(),),
    ),
    Way(
        "copy that Triton refuses",
        "it may load in other ways",
        [(INT8, 4, 1), (INT8, 2, 2)],
        known=(
            took(threads=4),
            took("FP32", 4, 1),
            took("FP32", 2, 2),
            took("INT8", latency=[], refusal="no", copyDigest=COPY_DIGEST),
        ),
        copies=(conversion(),),
    ),
    Way(
        "another copy was refused, and another measured",
        "tools of another version made them",
        [(INT8, 4, 1), (INT8, 1, 4), (INT8, 2, 2)],
        known=(
            took(threads=4),
            took("FP32", 4, 1),
            took("FP32", 2, 2),
            took("INT8", latency=[], refusal="no", copyDigest=ROWS),
            took("INT8", 4, 1, copyDigest=ROWS),
        ),
        copies=(conversion(),),
    ),
    Way(
        "only FP32 is declared",
        "the copy is compared in the plan's own way and the others",
        [(INT8, 1, 4), (INT8, 4, 1), (INT8, 2, 2)],
        known=(took(source="Declared"),),
        copies=(conversion(),),
    ),
    Way(
        "adopted",
        "what is known already is not measured again",
        [],
        ONE_CORE,
        (took(), took("INT8", latency=[{"batchSize": 1, "milliseconds": "2"}])),
        (conversion(),),
    ),
    Way(
        "asked for and awaited",
        "what runs meanwhile is compared with nothing",
        [(FP32, 1, 4)],
        spec=INT8_ASKED,
    ),
    Way(
        "asked for and used",
        "FP32 is out of question",
        [(INT8, 1, 4), (INT8, 4, 1), (INT8, 2, 2)],
        copies=(conversion(),),
        spec=INT8_ASKED,
    ),
    Way(
        "asked for and rejected",
        "FP32 stays",
        [(FP32, 1, 4), (FP32, 4, 1), (FP32, 2, 2)],
        copies=(conversion(agreement="0.9"),),
        spec=INT8_ASKED,
    ),
    Way(
        "no room for more instances",
        "each has its own copy of the weights",
        [(FP32, 1, 4)],
        pool(
            "cpu",
            replica_resources=resources("4"),
            max_per_replica=Bounds(memory_bytes=700 * 2**20),
        ),
    ),
]


def unknown(
    wanted: InferenceServiceSpec, model: ModelFacts, row: PoolPlan, known: Sequence[Measurement]
) -> tuple[PoolPlan, ...]:
    """What is measured on the pool of the row."""
    return to_measure(wanted, model, ways_to_compare(wanted, model, row, known), known)


@pytest.mark.parametrize("case", WAYS, ids=lambda case: case.name)
def test_ways_to_run_that_are_measured(case: Way) -> None:
    wanted = spec(**case.spec)
    plan = plan_service(wanted, facts(), [case.pool], (), case.known, case.copies, TOOLS)
    assert isinstance(plan, Plan)

    found = unknown(wanted, facts(), plan.pools[0], case.known)

    assert [(one.precision, one.instances, one.threads) for one in found] == case.ways, case.why
    assert all((one.copy is None) == (one.precision is FP32) for one in found)
    for one in found:
        assert one.copy is None or one.copy in case.copies


@given(
    bound=st.integers(1, 600_000),
    over=st.floats(1e-9, 1.0),
)
def test_what_took_too_long_is_not_measured_again_for_its_last_digits(
    bound: int, over: float
) -> None:
    """A profile has four of them, and the time may be rounded down to the objective or below."""
    last = decimal_text(bound * (1 + over))
    latency = [{"batchSize": 1, "milliseconds": last}]
    row = took(ended="Objective", latency=latency)
    wanted = spec(**{**ASKED, **within(bound)})
    plan = plan_service(wanted, facts(), [ONE_CORE])
    assert isinstance(plan, Plan)

    assert unknown(wanted, facts(), plan.pools[0], [row]) == ()


def test_what_is_measured_does_not_depend_on_what_runs() -> None:
    """A Job that runs is not replaced because a number of another way has come in."""
    wanted, copies = spec(**ASKED), (conversion(),)
    known = [took(threads=4), took("FP32", 4, 1, latency=[{"batchSize": 1, "milliseconds": "2"}])]
    every = [(FP32, 2), (INT8, 1), (INT8, 2), (INT8, 4)]

    def ways(rows: list[Measurement]) -> tuple[PoolPlan, ...]:
        plan = plan_service(wanted, facts(), [FOUR_CORES], (), rows, copies, TOOLS)
        assert isinstance(plan, Plan)
        found = unknown(wanted, facts(), plan.pools[0], rows)
        return tuple(replace(one, reasons=(), prospects=()) for one in found)

    before, after = ways(known[:1]), ways(known)

    def ordered(found: Sequence[PoolPlan]) -> list[PoolPlan]:
        return sorted(found, key=lambda one: (one.precision, one.instances))

    assert before[0].instances == 4
    assert [(one.precision, one.instances) for one in ordered(before[1:])] == every
    assert ordered(before[1:]) == ordered(after)


@pytest.mark.parametrize(
    ("where", "copies", "budget", "each"),
    [
        (ONE_CORE, (), 180, 180),
        (TWO_CORES, (), 180, 90),
        (TWO_CORES, (conversion(),), 180, 45),
        (TWO_CORES, (conversion(),), 10, 2),
        (FOUR_CORES, (), 180, 60),
        (FOUR_CORES, (conversion(),), 180, 30),
        (replace(TWO_CORES, engines=(Engine.OPENVINO,)), (conversion(),), 180, 30),
        (replace(FOUR_CORES, engines=(Engine.OPENVINO,)), (conversion(),), 10, 1),
    ],
)
def test_all_ways_of_a_pool_share_one_budget(
    where: Pool, copies: tuple[Conversion, ...], budget: int, each: int
) -> None:
    wanted = spec(**{**ASKED, "measurement": {"mode": "IfUnknown", "budgetSeconds": budget}})
    plan = plan_service(wanted, facts(), [where], (), (), copies, TOOLS)
    assert isinstance(plan, Plan)
    ways = ways_to_compare(wanted, facts(), plan.pools[0], ())

    assert seconds_for_each(wanted, len(ways)) == each
    assert len(ways) * each <= budget


@given(
    data=st.data(),
    cores=st.sampled_from([1, 2, 3, 4, 8]),
    precisions=st.sampled_from([(), (INT8,), (FP16, INT8)]),
)
def test_all_that_is_ever_measured_stays_within_one_budget(
    data: st.DataObject, cores: int, precisions: tuple[Precision, ...]
) -> None:
    """Whatever does best meanwhile: a copy that is adopted has instances of its own."""
    wanted = spec(**ASKED)
    where = pool("cpu", replica_resources=resources(str(cores)), precisions=(FP16, INT8))
    copies = [conversion(one) for one in precisions]
    known: list[Measurement] = []
    spent = 0
    while True:
        plan = plan_service(wanted, facts(), [where], (), known, copies, TOOLS)
        assert isinstance(plan, Plan)
        ways = ways_to_compare(wanted, facts(), plan.pools[0], known)
        left = to_measure(wanted, facts(), ways, known)
        if not left:
            break
        spent += seconds_for_each(wanted, len(ways))
        time = data.draw(st.sampled_from(["2", "4", "8", "16", "32"]), "milliseconds")
        latency = [{"batchSize": 1, "milliseconds": time}]
        way = left[0]
        known.append(took(way.precision, way.instances, way.threads, latency=latency))

    assert spent <= wanted.measurement.budget_seconds
    assert {one.precision for one in known} == {FP32, *precisions}


def test_a_part_of_the_budget_stays_the_same_while_ways_become_known() -> None:
    """Or the Job that runs would have to begin anew with each number that comes in."""
    wanted, copies = spec(**ASKED), (conversion(),)
    fast = [{"batchSize": 1, "milliseconds": "2"}]
    known = [
        took(threads=4),
        took("FP32", 4, 1, latency=fast),
        took("FP32", 2, 2),
        took("INT8", 4, 1),
        took("INT8", 2, 2),
        took("INT8", 1, 4, latency=[{"batchSize": 1, "milliseconds": "0.5"}]),
    ]
    parts, left = [], []
    for count in range(len(known) + 1):
        rows = known[:count]
        plan = plan_service(wanted, facts(), [FOUR_CORES], (), rows, copies, TOOLS)
        assert isinstance(plan, Plan)
        ways = ways_to_compare(wanted, facts(), plan.pools[0], rows)
        parts.append(seconds_for_each(wanted, len(ways)))
        left.append(len(to_measure(wanted, facts(), ways, rows)))

    assert parts == [30] * 7
    assert left == [6, 5, 4, 3, 2, 1, 0]


def test_copies_are_tried_first_in_the_way_that_is_better_for_the_model_itself() -> None:
    wanted, copies = spec(**ASKED), (conversion(),)

    def order(*known: Measurement) -> list[int]:
        plan = plan_service(wanted, facts(), [FOUR_CORES], (), known, copies, TOOLS)
        assert isinstance(plan, Plan)
        found = unknown(wanted, facts(), plan.pools[0], known)
        assert {one.precision for one in found} == {INT8}
        return [one.instances for one in found]

    slow = [{"batchSize": 1, "milliseconds": "90"}]
    ends, middle = (took(threads=4), took("FP32", 4, 1)), took("FP32", 2, 2, latency=slow)
    assert order(*ends, middle) == [4, 1, 2]
    assert order(ends[0], took("FP32", 4, 1, latency=slow), middle) == [1, 4, 2]
    assert order(took(latency=slow), took("FP32", 4, latency=slow), took("FP32", 2)) == [2, 1, 4]


def test_a_large_copy_is_measured_with_its_own_memory() -> None:
    wanted, large = spec(**ASKED), facts(size_bytes=2**31)
    plan = plan_service(wanted, large, [ONE_CORE], (), (), (conversion(),), TOOLS)
    assert isinstance(plan, Plan)

    stored, copy = unknown(wanted, large, plan.pools[0], ())

    assert copy.memory_bytes < stored.memory_bytes - 2**31
