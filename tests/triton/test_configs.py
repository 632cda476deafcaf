"""Every config that plans make is one that Triton takes: many drawn ones, in one real Triton."""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from e2e.harness.triton import put_model, running_triton, triton_folder
from e2e.harness.waiting import wait_until
from tests.triton.conftest import RELEASE
from tests.unit.model import nets
from tests.unit.model.building import MAGIKA, model, saved, value
from tests.unit.planning.building import (
    TOOLS,
    conversion,
    gpu_pool,
    measurement,
    pool,
    spec,
    straight,
)
from triton_operator.api.conversion_method import Method
from triton_operator.api.enums import Engine, Precision
from triton_operator.api.model_profile import ModelFacts
from triton_operator.cli.local_model import local_model
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.model.conversion.conversion import convert_model
from triton_operator.planning.plan import Plan, PoolPlan, plan_service

SEED = 20261128
DRAWN = 32
SIZES = (1, 2, 4, 8, 16, 32)
DRAWN_OF_A_COPY = 4
LOAD_SECONDS = 120.0
KINDS = ("FLOAT", "DOUBLE", "FLOAT16", "INT64", "UINT8", "BOOL", "STRING")


def same(kind: str, rows: int | str) -> onnx.ModelProto:
    """Gives back what it takes, of any type; names that a config has to quote."""
    number = TensorProto.DataType.Value(kind)
    return model(
        [helper.make_node("Identity", ['in "x"'], ["out/é:0"])],
        [value('in "x"', [rows, "m", 2], number)],
        [value("out/é:0", [rows, "m", 2], number)],
    )


BUILT = {
    "mlp": nets.mlp(),
    "mlp-of-one": nets.mlp(rows=1),
    "mlp-of-four": nets.mlp(rows=4),
    "cnn": nets.cnn(),
    "two-inputs": nets.attention(),
    **{f"same-{kind.lower()}": same(kind, "n") for kind in KINDS},
    "same-of-one": same("FLOAT", 1),
}
CONVERTED = {
    Method.FP16: nets.cnn,
    Method.INT8_DYNAMIC: nets.mlp,
    Method.INT8_STATIC: nets.cnn,
    Method.DYNAMIC_BATCH: lambda: nets.mlp(rows=1),
}
"""What a copy is made of, by each method."""
CPU = pool(
    "cpu",
    release=RELEASE,
    engines=(Engine.OPENVINO,),
    precisions=(Precision.FP16, Precision.INT8),
)
L4 = gpu_pool(
    "l4",
    product="NVIDIA-L4",
    image=f"nvcr.io/nvidia/tritonserver:{RELEASE}-py3",
    engines=(Engine.TENSORRT,),
)


@dataclass(frozen=True)
class Case:
    name: str
    file: Path
    facts: ModelFacts
    plan: PoolPlan
    configs: Mapping[str, str]


def drawn_spec(random: Random, batchable: bool) -> dict[str, Any]:
    """What a user may write of what reaches a config."""
    batching: dict[str, Any] = {
        "mode": random.choice(["Auto", "Fixed", "Off"]),
        "overload": random.choice(["Queue", "Reject"]),
    }
    if batching["mode"] != "Off" and (batching["mode"] == "Fixed" or random.random() < 0.5):
        batching["maxBatchSize"] = random.choice([1, 2, 5, 16, 128]) if batchable else 1
    if random.random() < 0.5:
        batching["maxQueueDelayMicroseconds"] = random.choice([0, 1, 500, 100_000])
    latency = {
        "milliseconds": random.choice([1, 5, 25, 250, 10_000]),
        "percentile": random.choice(["P50", "P90", "P95", "P99"]),
    }
    return {
        "batching": batching,
        "objective": {
            "latency": latency,
            "prefer": random.choice(["Cost", "Latency", "Throughput"]),
        },
        "hardware": {"resources": {"cpu": random.choice(["500m", "1", "2", "3500m"])}},
    }


def drawn(random: Random, number: int, files: Mapping[str, Path]) -> Case:
    """Each model in its turn, so that all are there."""
    kind, file = list(files.items())[number % len(files)]
    facts = local_model(file).facts
    rows = [
        measurement(straight(random.choice([0.2, 5, 60]), random.choice([0.1, 4]), SIZES), **way)
        for way in ({"instances": 1}, {"instances": 2}, {"instances": 2, "threads": 1})
        if random.random() < 0.5
    ]
    if random.random() < 0.5:
        # Ten times as fast, so that it runs wherever it can.
        rows += [
            measurement(straight(6, 0.4, SIZES), engine="openvino", instances=1),
            measurement(straight(60, 4, SIZES), instances=1),
        ]
    parts = drawn_spec(random, facts.batchable)
    plan = plan_service(spec(**parts), facts, [CPU], (), rows)
    assert isinstance(plan, Plan), f"{kind}, {parts}: {plan}"
    name = f"{kind}-{number}"
    configs = pool_configs(Owner(name, "shop", "uid"), facts, plan.pools[0])
    return Case(name, file, facts, plan.pools[0], configs)


def for_tensorrt(file: Path) -> Case:
    """What a GPU pool would have, but for the kind of instance."""
    facts = local_model(file).facts
    rows = [
        measurement(straight(base, base / 4, SIZES), product="NVIDIA-L4", engine=engine)
        for base, engine in ((8, "onnxruntime"), (4, "onnxruntime-tensorrt"))
    ]
    plan = plan_service(spec(), facts, [L4], (), rows)
    assert isinstance(plan, Plan), plan
    configs = pool_configs(Owner("by-tensorrt", "shop", "uid"), facts, plan.pools[0])
    return Case("by-tensorrt", file, facts, plan.pools[0], without_gpus(configs))


def without_gpus(configs: Mapping[str, str]) -> dict[str, str]:
    """This machine has no GPU, so Triton reads the provider's options, and nothing acts on them."""
    return {name: text.replace("KIND_GPU", "KIND_CPU") for name, text in configs.items()}


def converted(method: Method, folder: Path) -> tuple[ModelFacts, Path]:
    """What is known of a model as it is stored, and its copy as pods make it."""
    source = nets.source_of(CONVERTED[method](), folder)
    convert_model(source, method, folder / "copy.onnx", samples=nets.rows_for(source))
    return source.facts, folder / "copy.onnx"


def drawn_copy(random: Random, method: Method, number: int, facts: ModelFacts, file: Path) -> Case:
    """A plan that runs the copy by this method."""
    parts = drawn_spec(random, batchable=True)
    where = random.choice([CPU, L4])
    by = random.choice([None, "onnxruntime-tensorrt" if where is L4 else "openvino"])
    # Ten times as fast as without it, so that it runs wherever it can.
    lines = {"onnxruntime": (60, 4), **({by: (6, 0.4)} if by else {})}
    rebatched = method is Method.DYNAMIC_BATCH
    own = {"method": method} if rebatched else {"precision": method.precision}
    rows = [
        measurement(straight(*line, SIZES), product=where.product, engine=engine, **own)
        for engine, line in lines.items()
    ]
    if rebatched:
        # Such a copy is in question only where the plan may choose the batch, and has to be faster.
        parts["batching"]["mode"] = "Auto"
        if parts["batching"].get("maxBatchSize") == 1:
            del parts["batching"]["maxBatchSize"]
        rows.append(measurement({1: 600}, product=where.product))
    else:
        parts["precision"] = {"mode": method.precision}
        if random.random() < 0.3:
            # Asked for by name, it runs unmeasured.
            rows = []
    copy = conversion(method.precision, method=method)
    plan = plan_service(spec(**parts), facts, [where], (), rows, [copy], TOOLS)
    assert isinstance(plan, Plan), f"{method}, {parts}: {plan}"
    name = f"{method.lower()}-{number}"
    configs = pool_configs(Owner(name, "shop", "uid"), facts, plan.pools[0])
    return Case(name, file, facts, plan.pools[0], without_gpus(configs))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("models")
    files = {name: saved(built, folder, f"{name}.onnx") for name, built in BUILT.items()}
    random = Random(SEED)
    found = [drawn(random, number, {**files, "magika": MAGIKA}) for number in range(DRAWN)]
    return [*found, for_tensorrt(files["mlp"])]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """As many of each method, whatever is drawn beside it."""
    random = Random(SEED)
    folder = tmp_path_factory.mktemp("copies")
    made = {method: converted(method, folder / method) for method in CONVERTED}
    return [
        drawn_copy(random, method, number, *made[method])
        for method in CONVERTED
        for number in range(DRAWN_OF_A_COPY)
    ]


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of our image, and ONNX Runtime's under the name of OpenVINO, which it does not have:
    Triton itself reads such configs, and what OpenVINO says to its parameters is not seen here."""
    folder = tmp_path_factory.mktemp("backends")
    ours = triton_folder() / "backends"
    for name in ("python", "onnxruntime"):
        (folder / name).symlink_to(ours / name)
    (folder / "openvino").symlink_to(ours / "onnxruntime")
    return folder


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory,
    cases: list[Case],
    copies: list[Case],
    backends: Path,
) -> Iterator[str]:
    """Where a Triton answers that was given all of them."""
    folder = tmp_path_factory.mktemp("triton")
    for case in [*cases, *copies]:
        put_model(folder / "models", case.name, case.file, case.configs)
    models, log = folder / "models", folder / "triton.log"
    with running_triton(models, log, None, backends=backends) as found:
        yield found


def asked(url: str, path: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(f"{url}{path}", data=body, timeout=10) as answer:
        return json.load(answer)


def test_the_draw_has_what_configs_differ_in(cases: list[Case]) -> None:
    """Else the test below says little."""
    plans = [case.plan for case in cases]

    assert {plan.dynamic_batching for plan in plans} == {True, False}
    assert {plan.instances for plan in plans} >= {1, 2}
    assert {0, 1} < {plan.max_batch_size for plan in plans}
    assert any(plan.queue_timeout_microseconds for plan in plans)
    assert {plan.engine for plan in plans} == {None, Engine.OPENVINO, Engine.TENSORRT}
    assert any(plan.queue_delay_microseconds for plan in plans)


def test_every_plan_drawn_for_a_copy_runs_it(copies: list[Case]) -> None:
    """Else the test below says nothing of copies."""
    run = [case.plan.copy.method if case.plan.copy else None for case in copies]

    assert run == [method for method in CONVERTED for _ in range(DRAWN_OF_A_COPY)]
    rebatched = [case for case in copies if case.plan.copy and case.plan.copy.rebatched]
    assert all(not case.facts.batchable for case in rebatched)
    assert all(case.plan.max_batch_size > 1 for case in rebatched)
    assert {case.plan.dynamic_batching for case in copies} == {True, False}
    assert {case.plan.pool.is_gpu for case in copies} == {True, False}
    assert {case.plan.engine for case in copies} == {None, Engine.OPENVINO, Engine.TENSORRT}


def test_triton_takes_every_config(url: str, cases: list[Case], copies: list[Case]) -> None:
    cases = [*cases, *copies]
    rows: dict[str, Any] = {}

    def all_are_told() -> bool:
        rows.update(
            {
                row["name"]: row
                for row in asked(url, "/v2/repository/index", b"{}")
                if "state" in row
            }
        )
        return len(rows) == len(cases) and all(
            row["state"] in ("READY", "UNAVAILABLE") for row in rows.values()
        )

    wait_until("all models to be loaded, or not", all_are_told, timeout_seconds=LOAD_SECONDS)

    refused = {name: row.get("reason") for name, row in rows.items() if row["state"] != "READY"}
    assert refused == {}
    for case in cases:
        config = asked(url, f"/v2/models/{case.name}/config")
        (group,) = config["instance_group"]
        assert group["count"] == case.plan.instances
        assert max(1, config["max_batch_size"]) == max(1, case.plan.max_batch_size)
        by_openvino = case.plan.engine is Engine.OPENVINO
        assert config["backend"] == ("openvino" if by_openvino else "onnxruntime")
        assert ("dynamic_batching" in config) == case.plan.dynamic_batching
        assert {row["name"] for row in config["input"]} == {row.name for row in case.facts.inputs}
