"""Plans of a model that was measured: what is chosen, and the sentences that say why."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.unit.planning.building import (
    facts,
    gpu_pool,
    measurement,
    pool,
    price,
    single_request_facts,
    spec,
    straight,
)
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import MeasurementSource
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning import safe_batch
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Bounds, Pool
from triton_operator.planning.shapes import NodeShape

SIZES = (1, 2, 4, 8, 16, 32)
LINE = straight(20, 10, SIZES)
CPU = pool("cpu")
L4 = gpu_pool("l4", product="NVIDIA-L4")


def within(milliseconds: int, **parts: Any) -> dict[str, Any]:
    return {"objective": {"latency": {"milliseconds": milliseconds}, **parts}}


def planned(
    *rows: Measurement,
    pools: tuple[Pool, ...] = (CPU,),
    model: ModelFacts | None = None,
    **parts: Any,
) -> Plan:
    plan = plan_service(spec(**parts), model or facts(), pools, (), rows)
    assert isinstance(plan, Plan), plan
    return plan


def first(*rows: Measurement, **parts: Any) -> PoolPlan:
    return planned(*rows, **parts).pools[0]


@dataclass(frozen=True)
class Row:
    name: str
    why: str
    rows: tuple[Measurement, ...] = (measurement(LINE),)
    batch: int = 16
    spec: dict[str, Any] = field(default_factory=lambda: within(250))
    model: ModelFacts = field(default_factory=facts)
    says: str = ""
    silent: str = ""


ROWS = [
    Row(
        "chosen",
        "the smallest of those that do the same",
        says="batch size 16: 65.8 requests/s within 250 ms p99, as declared in the model's profile;"
        " 20 does 66.1 (+1 %)",
    ),
    Row(
        "measured",
        "who said it is told",
        (measurement(LINE, source="Measured"),),
        says="250 ms p99, as measured; 20",
    ),
    Row("objective", "a tighter objective wants smaller batches", batch=4, spec=within(80)),
    Row(
        "bound by the spec",
        "maxBatchSize is an upper bound",
        batch=6,
        spec={**within(250), "batching": {"maxBatchSize": 6}},
        says="batch size 6: 61.8 requests/s within 250 ms p99, as declared in the model's profile; "
        "4 does 55.1 (-11 %)",
        silent="were not measured",
    ),
    Row(
        "bound by the model",
        "the model takes no more",
        batch=2,
        model=facts(max_batch_size=2, reason="axis 0 has at most 2"),
    ),
    Row(
        "bound by what was measured",
        "nothing is promised beyond",
        (measurement(straight(20, 10, (1, 2, 4))),),
        batch=4,
        says="2 does 39.9 (-28 %); larger ones were not measured",
    ),
    Row(
        "fixed",
        "the user's word; what it does is told",
        batch=5,
        spec={**within(250), "batching": {"mode": "Fixed", "maxBatchSize": 5}},
        says="with batch size 5: 59 requests/s within 250 ms p99",
    ),
    Row(
        "off",
        "the user's word",
        batch=1,
        spec={**within(250), "batching": {"mode": "Off"}},
        says="with batch size 1: 24.",
    ),
    Row(
        "no batch axis",
        "requests run one by one",
        batch=0,
        model=single_request_facts(),
        says="with batch size 1: 24.",
    ),
    Row(
        "too slow",
        "what is late should not choke",
        batch=2,
        spec=within(25),
        says="batch size 2: no size keeps 25 ms p99, as a request that is alone takes 30 ms",
    ),
    Row(
        "alone not known",
        "whether a smaller batch is fast enough, nobody has seen",
        (measurement({8: 100}),),
        batch=4,
        spec=within(50),
        says="no measurement of the model is used: none is of batch size 1",
    ),
    Row(
        "elsewhere",
        "told, so that nobody wonders",
        (measurement(LINE, product="NVIDIA-T4"),),
        batch=4,
        says="no measurement of the model is used: they are of NVIDIA-T4, and pool cpu has CPUs",
    ),
    Row(
        "another precision only",
        "told, so that nobody wonders",
        (measurement(LINE, precision="INT8"),),
        batch=4,
        says="no measurement of the model is used: none is of FP32 by onnxruntime, but INT8 by "
        "onnxruntime",
        silent="is used: no measurement",
    ),
    Row(
        "other threads only",
        "told, so that nobody wonders",
        (measurement(LINE, threads=2),),
        batch=4,
        says="with 1 instance of 1 thread or as many threads in all, but with 1 instance of 2",
    ),
]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_batch_sizes(case: Row) -> None:
    plan = first(*case.rows, model=case.model, **case.spec)

    assert plan.max_batch_size == case.batch, case.why
    assert plan.dynamic_batching == (case.batch > 1)
    told = "\n".join(plan.reasons)
    assert case.says in told
    assert not case.silent or case.silent not in told


def test_a_repository_keeps_its_batches_and_its_rate_is_told() -> None:
    model = repository_facts(row("m", "onnxruntime", max_batch_size=8)).model_copy(
        update={"max_batch_size": 8, "batchable": True}
    )

    plan = first(measurement(LINE), model=model, **within(250))

    assert plan.max_batch_size == 8
    assert plan.measured is not None
    assert plan.measured.safe_rate == pytest.approx(64.8, rel=0.01)


FOUR_CORES = {"hardware": {"resources": {"cpu": "4"}}}
ONE = measurement(straight(20, 10, SIZES), instances=1, threads=4)
TWO = measurement(straight(20, 15, SIZES), instances=2, threads=2)
FOUR = measurement(straight(90, 60, SIZES), instances=4, threads=1, memory="2Gi")


@pytest.mark.parametrize(
    ("rows", "prefer", "instances", "says"),
    [
        ((ONE, TWO, FOUR), "Cost", 2, "2 instances of 2 threads each: 80.5 requests/s; 1 instance"),
        ((ONE, TWO, FOUR), "Latency", 1, "1 instance of 4 threads: 30 ms for a request that is"),
        ((ONE, FOUR), "Throughput", 1, "4 instances of 1 thread each: "),
        ((ONE,), "Cost", 1, "1 instance of 4 threads: 4 CPU from spec.hardware.resources"),
    ],
)
def test_instances_are_those_that_were_measured_to_be_best(
    rows: tuple[Measurement, ...], prefer: str, instances: int, says: str
) -> None:
    plan = first(*rows, **within(250, prefer=prefer), **FOUR_CORES)

    assert (plan.instances, plan.threads) == (instances, 4 // instances)
    assert says in "\n".join(plan.reasons)


def test_no_more_is_promised_than_a_server_was_seen_to_do() -> None:
    """Batches of a small model take less time than the requests that make them."""
    tiny = {size: 0.01 + 0.001 * size for size in SIZES}

    plan = first(measurement(tiny, throughput="1600"), **within(20))

    assert plan.measured
    assert plan.measured.safe_rate == pytest.approx(1440)
    assert (
        "1440 requests/s, 90 % of the throughput as declared in the model's profile; batches alone "
        "would do" in "\n".join(plan.reasons)
    )
    assert plan.throughput == 1600


TABLE = facts(inputs=[Tensor(name="x", datatype="FP32", shape=[-1, 4])], outputs=[])
"""Requests of which next to nothing is copied: 0.25 ms of CPU each."""


@pytest.mark.parametrize(
    ("where", "cpu", "rate", "why"),
    [
        (CPU, "1", 3600, "90 % of 4,000"),
        (CPU, "4", 14400, "four cores take four times as much"),
        (CPU, "500m", 3600, "its threads get whole cores"),
        (L4, "500m", 1800, "beside a GPU only what is asked for is sure"),
        (L4, "2", 7200, "however fast the GPU is"),
    ],
)
def test_where_nobody_saw_the_server_it_is_promised_what_its_cores_take(
    where: Pool, cpu: str, rate: float, why: str
) -> None:
    tiny = {size: 0.01 + 0.001 * size for size in SIZES}

    plan = first(
        measurement(tiny, product=where.product),
        pools=(where,),
        model=TABLE,
        **within(20, prefer="Throughput"),
        hardware={"resources": {"cpu": cpu}},
    )

    assert plan.measured
    assert plan.measured.safe_rate == pytest.approx(rate, rel=0.001), why
    told = "\n".join(plan.reasons)
    assert ": what the server itself takes, not measured; batches alone would do" in told
    assert " does " not in told, "what other sizes would do, the server does not"
    assert plan.throughput == pytest.approx(rate / 0.9, rel=0.001)


def test_the_server_is_not_spoken_of_where_batches_take_longer() -> None:
    plan = first(measurement(LINE), **within(250))

    assert plan.measured
    assert plan.measured.safe_rate == plan.measured.found.best.rate
    assert "server" not in "\n".join(plan.reasons)


def test_what_was_measured_on_one_gpu_bounds_no_replica_with_two() -> None:
    fast = {size: 0.1 * size for size in SIZES}
    rows = measurement(fast, product="NVIDIA-L4", throughput="1000")
    cores = {"resources": {"cpu": "8"}}

    one = first(rows, pools=(L4,), **within(20), hardware=cores)
    two = first(rows, pools=(L4,), **within(20), hardware={**cores, "acceleratorsPerReplica": 2})

    assert one.measured
    assert two.measured
    assert one.measured.safe_rate == pytest.approx(900)
    assert two.measured.safe_rate > 10 * one.measured.safe_rate


def test_without_measurements_the_server_bounds_the_replica_too() -> None:
    """Replicas are measured by what they do; batches alone would say too much again."""
    assert first(model=TABLE).throughput == pytest.approx(4000, rel=0.001)


def test_instances_that_a_server_cannot_feed_are_not_chosen() -> None:
    fast = {size: 0.01 + 0.001 * size for size in SIZES}
    one = measurement(fast, throughput="1600", threads=2)
    two = measurement(fast, throughput="1500", instances=2, threads=1)

    assert first(one, two, **within(20, hardware={"resources": {"cpu": "2"}})).instances == 1


def test_for_less_than_measurements_differ_no_second_instance_is_run() -> None:
    hardly = measurement(straight(20, 17, SIZES), instances=2, threads=2)

    assert first(ONE, hardly, **within(250), **FOUR_CORES).instances == 1


def test_what_keeps_the_objective_wins_over_what_is_faster_without() -> None:
    fast_when_full = measurement(straight(260, 1, SIZES), instances=2, threads=2)

    plan = first(ONE, fast_when_full, **within(250), **FOUR_CORES)

    assert plan.instances == 1
    assert "with 2 instances of 2 threads each a request that is alone is too slow" in str(
        plan.reasons
    )


@pytest.mark.parametrize("prefer", ["Cost", "Energy", "Throughput", "Latency"])
def test_where_nothing_keeps_the_objective_the_faster_way_runs(prefer: str) -> None:
    """At twice the time of a lone request, the slower way has the higher rate."""
    one = measurement({1: 26}, instances=1, threads=2)
    two = measurement({1: 50}, instances=2, threads=1)

    plan = first(one, two, **within(25, prefer=prefer), hardware={"resources": {"cpu": "2"}})

    assert (plan.instances, plan.threads) == (1, 2)
    assert (
        "1 instance of 2 threads: 26 ms for a request that is alone; 2 instances of 1 thread each: "
        "50 ms (+92 %)" in "\n".join(plan.reasons)
    )


@pytest.mark.parametrize(
    ("changes", "times", "says"),
    [
        (
            {"precision": "INT8", "agreement": "0.943"},
            straight(10, 5, SIZES),
            "(+150 %), as declared in the model's profile: not used, agreement 0.943 < 0.99",
        ),
        (
            {"precision": "INT8", "agreement": "0.995"},
            straight(10, 5, SIZES),
            "not used, there is no verified INT8 copy of the model",
        ),
        (
            {"engine": "tensorrt"},
            straight(10, 5, SIZES),
            "FP32 by tensorrt does 164 requests/s (+150 %), as declared in the model's profile: "
            "not used, the model's files are served by onnxruntime",
        ),
        (
            {"precision": "INT8"},
            straight(40, 20, SIZES),
            "INT8 by onnxruntime does 19.5 requests/s (-70 %)",
        ),
    ],
)
def test_what_another_precision_would_do_is_told_and_not_done(
    changes: dict[str, Any], times: dict[int, float], says: str
) -> None:
    other = measurement(times, **changes)

    plan = first(measurement(LINE), other, **within(250))

    assert (plan.precision, plan.max_batch_size) == ("FP32", 16)
    assert says in "\n".join(plan.reasons)


def test_memory_is_what_was_measured_and_a_quarter_more() -> None:
    plan = first(measurement(LINE, memory="800Mi"), **within(250))

    assert plan.memory_bytes == 1024 * 2**20
    told = "1Gi memory: 800Mi by the model's profile, and a quarter more, at least 128Mi"
    assert told in plan.reasons


def test_the_estimate_stays_where_larger_batches_run_than_were_measured() -> None:
    """The size is given, and the row has but smaller ones."""
    fixed = {"mode": "Fixed", "maxBatchSize": 64}
    known = measurement(LINE, memory="100Mi")
    plan, guess = (first(*rows, batching=fixed, **within(2000)) for rows in ([known], []))

    assert plan.measured
    assert plan.max_batch_size > max(LINE)
    assert plan.memory_bytes == guess.memory_bytes
    assert "100Mi by the model's profile do not make it less" in "\n".join(plan.reasons)


def test_the_estimate_stays_on_a_gpu_that_somebody_measured_less_for() -> None:
    l4 = gpu_pool("l4", product="NVIDIA-L4")
    plan = first(measurement(LINE, memory="400Mi", product="NVIDIA-L4"), pools=(l4,))

    assert plan.memory_bytes > 2 * 2**30


def test_a_batch_for_which_no_node_has_the_memory_is_not_chosen() -> None:
    small = pool("cpu", max_per_replica=Bounds(memory_bytes=700 * 2**20))

    plan = first(measurement(LINE), pools=(small,), **within(250))

    assert plan.max_batch_size == 4


DENSE = (1, *range(4066, 4097))
MANY = [measurement(straight(700, 0.001, DENSE), instances=each) for each in range(1, 129)]
DOUBLING = [row for row in MANY if row.instances in (1, 2, 4, 8, 16, 32, 64, 128)]
OTHERS = [measurement(straight(700, 0.001, DENSE), engine=f"e{each}") for each in range(128)]


@pytest.mark.parametrize(
    ("rows", "milliseconds", "share", "most", "why"),
    [
        (
            MANY,
            800,
            0.0,
            8 * 4 + 3 * 4,
            "nothing is ruled out: four sizes of eight rows, and so on",
        ),
        (DOUBLING, 3000, 0.9, 2 * 4 + 3 * 4, "two rows do more than a third one can"),
    ],
)
def test_a_profile_of_any_size_asks_the_queue_model_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[Measurement],
    milliseconds: int,
    share: float,
    most: int,
    why: str,
) -> None:
    asked = []

    def rate(curve: MeasuredCurve, seconds: float, percentile: float) -> float:
        asked.append(curve)
        return max(1.0, share * curve.capacity)

    monkeypatch.setattr(safe_batch, "safe_rate", rate)
    # Answers that are made up here, and true ones of other tests, are not to be mixed.
    safe_batch.safe_batch.cache_clear()
    try:
        cores = {"resources": {"cpu": "128"}}
        plan = first(*rows, *OTHERS, hardware=cores, **within(milliseconds))
    finally:
        safe_batch.safe_batch.cache_clear()

    assert plan.measured is not None
    assert 0 < len(asked) <= most, why


def test_one_row_is_asked_for_twelve_sizes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        safe_batch, "safe_rate", lambda curve, *_: asked.append(curve.max_batch_size) or 1.0
    )
    safe_batch.safe_batch.cache_clear()
    try:
        first(MANY[0], **within(800))
    finally:
        safe_batch.safe_batch.cache_clear()

    assert len(asked) == 12
    assert {1, 4096} < set(asked)


def test_of_many_rows_the_fastest_is_tried() -> None:
    slow = [
        measurement(straight(200 * each, 10, (1, 2)), instances=each, threads=12 // each)
        for each in (1, 2, 3, 4, 6)
    ]
    others = [measurement(straight(240, 1, (1, 2)), engine=f"e{each}") for each in range(9)]
    fastest = measurement(straight(12, 1, (1, 2)), instances=12, threads=1)
    by_e9 = measurement(straight(20, 1, (1, 2)), engine="e9")

    plan = first(
        *slow, fastest, *others, by_e9, hardware={"resources": {"cpu": "12"}}, **within(250)
    )

    assert plan.instances == 12
    assert "FP32 by e9 does" in str(plan.reasons)


SMALL = NodeShape(cpu_millicores=8_000, memory_bytes=32 * 2**30)


@pytest.mark.parametrize("room", [{"shapes": (SMALL,)}, {"max_per_replica": Bounds(None, 2**35)}])
def test_a_memory_that_no_node_has_takes_the_row_and_not_the_plan(room: dict[str, Any]) -> None:
    plan = first(measurement(LINE, memory="9Pi"), pools=(pool("cpu", **room),), **within(250))

    assert plan.max_batch_size == 4, "as if nothing was measured"
    assert plan.measured is None
    told = next(reason for reason in plan.reasons if "9Pi" in reason)
    assert told.startswith(
        "no measurement of the model is used: pool cpu has no room for 1 instance of 1 thread with "
        "9Pi memory, as declared in the model's profile, and a quarter more: "
    )
    assert "11796480Gi memory" in told


def test_of_two_rows_that_with_room_counts() -> None:
    large = TWO.model_copy(update={"memory": "9Pi"})

    plan = first(ONE, large, pools=(pool("cpu", shapes=(SMALL,)),), **within(250), **FOUR_CORES)

    assert plan.instances == 1
    assert plan.measured is not None
    assert plan.memory_bytes < 2**35
    assert "pool cpu has no room for 2 instances of 2 threads each with 9Pi" in str(plan.reasons)


PRICED = pool("cpu", cost_per_replica_hour=price("0.10"), currency="USD", watts_per_replica=60)
DEAR = gpu_pool(
    "l4",
    product="NVIDIA-L4",
    cost_per_replica_hour=price("0.71"),
    currency="USD",
    watts_per_replica=72,
)
ON_L4 = measurement(straight(4, 0.5, SIZES), product="NVIDIA-L4")
BOTH = (measurement(LINE), ON_L4)
SEEN = tuple(row.model_copy(update={"source": MeasurementSource.MEASURED}) for row in BOTH)
ON_SAMPLES = tuple(row.model_copy(update={"samples_digest": "sha256:" + "ef" * 32}) for row in SEEN)
LOWEST_PRICE = "0.10 per replica and hour is the lowest known price"


@pytest.mark.parametrize(
    ("rows", "prefer", "order", "says"),
    [
        (
            BOTH,
            "Cost",
            ("l4", "cpu"),
            "0.000127 USD per 1,000 requests; pool cpu: 0.000422 USD per 1,000 requests (+232 %)",
        ),
        (BOTH, "Energy", ("l4", "cpu"), "J per request; pool cpu: 0.91"),
        (BOTH, "Latency", ("l4", "cpu"), "4.5 ms for a request that is alone; pool cpu: 30 ms"),
        (BOTH, "Throughput", ("l4", "cpu"), "requests/s per replica; pool cpu: 65.8"),
        ((BOTH[0],), "Cost", ("cpu", "l4"), LOWEST_PRICE),
        (SEEN, "Cost", ("l4", "cpu"), "0.000127 USD per 1,000 requests"),
        (ON_SAMPLES, "Cost", ("l4", "cpu"), "0.000127 USD per 1,000 requests"),
        # Real inputs on one pool and made-up ones on the other are not compared.
        ((ON_SAMPLES[0], SEEN[1]), "Cost", ("cpu", "l4"), LOWEST_PRICE),
        ((SEEN[0], ON_SAMPLES[1]), "Cost", ("cpu", "l4"), LOWEST_PRICE),
    ],
)
def test_pools_are_ordered_by_what_a_request_costs_where_all_were_measured(
    rows: tuple[Measurement, ...], prefer: str, order: tuple[str, ...], says: str
) -> None:
    plan = planned(*rows, pools=(PRICED, DEAR), **within(250, prefer=prefer))

    assert plan.preference == order
    assert says in plan.pools[0].reasons[0]


def test_a_pool_that_cannot_keep_the_objective_comes_after_one_that_can() -> None:
    plan = planned(measurement(LINE), ON_L4, pools=(PRICED, DEAR), **within(25))
    # What nobody measured makes money incomparable, and nothing else.
    partly = planned(
        measurement(LINE), ON_L4, pools=(PRICED, DEAR, gpu_pool("t4", product="T4")), **within(25)
    )

    assert plan.preference == ("l4", "cpu")
    assert "no other pool keeps the objective" in plan.pools[0].reasons[0]
    assert plan.measured["cpu"].safe_rate == 0
    assert partly.preference == ("l4", "t4", "cpu")
    assert "no rate is known to keep the objective on pool cpu" in partly.pools[0].reasons[0]


def test_what_is_too_slow_here_may_be_too_slow_where_nobody_measured_it() -> None:
    plan = planned(measurement(LINE), pools=(PRICED, DEAR), **within(25))
    slow_too = planned(
        measurement(LINE),
        measurement(straight(40, 10, SIZES), product="NVIDIA-L4"),
        pools=(PRICED, DEAR),
        **within(25),
    )

    assert plan.preference == ("cpu", "l4")
    assert slow_too.preference == plan.preference
    assert "0.10 per replica and hour is the lowest known price" in plan.pools[0].reasons[0]
    assert {name: one.safe_rate for name, one in plan.measured.items()} == {"cpu": 0.0}


def test_a_pool_without_nodes_that_keeps_the_objective_moves_nobody() -> None:
    empty = replace(DEAR, has_nodes=False, shapes=(), nodes_by_shape=())
    unmeasured = gpu_pool("t4", product="T4")

    plan = planned(measurement(LINE), ON_L4, pools=(PRICED, unmeasured, empty), **within(25))

    assert plan.preference == ("cpu", "t4", "l4")


def test_named_pools_keep_their_order_whatever_was_measured() -> None:
    plan = planned(*BOTH, pools=(PRICED, DEAR), hardware={"pools": ["cpu", "l4"]})

    assert plan.preference == ("cpu", "l4")


def test_money_and_energy_of_requests_are_the_pools_own_words() -> None:
    told = first(measurement(LINE), pools=(PRICED,), **within(250)).reasons

    assert (
        "0.000422 USD per 1,000 requests at 65.8 requests/s, by the pool's declared price" in told
    )
    assert "0.912 J per request at 65.8 requests/s, by the pool's declared power" in told


def test_every_percentile_has_its_own_rate() -> None:
    rates = [
        measured.safe_rate
        for percentile in ("P50", "P90", "P95", "P99")
        if (
            measured := first(
                measurement(LINE),
                objective={"latency": {"milliseconds": 120, "percentile": percentile}},
            ).measured
        )
    ]

    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4
