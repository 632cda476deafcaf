"""`triton-operator plan`: what would be done with a file, and exit codes for scripts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from tests.unit.model.building import linear, relu, saved
from tests.unit.planning.building import DIGEST, conversion, facts, measurement
from triton_operator.api.group import API_VERSION
from triton_operator.cli.exit_codes import INVALID, OK, REFUSED
from triton_operator.cli.main import app
from triton_operator.model.digest import file_row

Call = Callable[..., Result]


def service(name: Any = "filetype", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": {"uri": "pvc://models/a.onnx", "digest": DIGEST}, **spec},
    }


def profile() -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelProfile",
        "metadata": {"name": "known"},
        "spec": {"digest": DIGEST, "facts": facts().wire()},
    }


def pool(name: str = "l4", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ServingPool",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A file with these documents."""

    def written(*documents: Any) -> Path:
        path = tmp_path / "service.yaml"
        path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
        return path

    return written


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small real model with a batch axis."""
    return saved(linear(), tmp_path)


def test_a_table_for_people(call: Call, write: Callable[..., Path]) -> None:
    result = call("plan", "-f", write(service(), profile()))

    assert result.exit_code == OK
    for part in (
        f"filetype: model {DIGEST}",
        "POOL",
        "REPLICAS",
        "cpu",
        "FP32",
        "batch size 4: the model allows it",
        "config.pbtxt",
        "max_batch_size: 4",
    ):
        assert part in result.stdout
    assert result.stderr == ""


def test_fields_without_effect_are_said(call: Call, write: Callable[..., Path]) -> None:
    file = write(service(batching={"mode": "Off", "overload": "Reject"}), profile())

    assert "without effect: spec.batching.overload" in call("plan", "-f", file).stdout


def test_yaml_is_what_would_be_applied(call: Call, write: Callable[..., Path]) -> None:
    result = call("plan", "-f", write(service(), profile()), "-o", "yaml")

    objects = list(yaml.safe_load_all(result.stdout))
    assert result.exit_code == OK
    assert [one["kind"] for one in objects] == [
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
        "Service",
    ]
    assert all(one["metadata"]["namespace"] == "shop" for one in objects)


def test_yaml_is_readable_and_names_no_owner(call: Call, write: Callable[..., Path]) -> None:
    """An owner that does not exist would have the objects deleted where somebody applies them."""
    words = ("-o", "yaml", "--operator-image", "registry.example/operator:1")
    text = call("plan", "-f", write(service(), profile()), *words).stdout

    assert "config.pbtxt: |" in text
    assert "image: registry.example/operator:1" in text
    for word in ("ownerReferences", "owner-uid", "uid:", "&id", "*id"):
        assert word not in text


@pytest.mark.parametrize(("mode", "word"), [(False, "Off"), (True, "On")])
def test_a_word_that_yaml_takes_for_a_boolean(
    call: Call, write: Callable[..., Path], mode: bool, word: str
) -> None:
    result = call("plan", "-f", write(service(batching={"mode": mode}), profile()))

    assert result.exit_code == INVALID
    assert f'the boolean {str(mode).lower()}: write the word in quotes, "{word}"' in result.stderr


def test_json_has_plan_and_objects(call: Call, write: Callable[..., Path]) -> None:
    file = write(service(scaling={"minReplicas": 2}), profile())

    answer = json.loads(call("plan", "-f", file, "-o", "json").stdout)

    assert (answer["name"], answer["namespace"], answer["digest"]) == ("filetype", "shop", DIGEST)
    assert (answer["minReplicas"], answer["maxReplicas"]) == (2, 10)
    (row,) = answer["pools"]
    assert (row["pool"], row["maxBatchSize"], row["threads"], row["cpu"]) == ("cpu", 4, 1, "1")
    assert answer["withoutEffect"] == []
    as_yaml = call("plan", "-f", file, "-o", "yaml").stdout
    assert answer["objects"] == list(yaml.safe_load_all(as_yaml))


def test_several_services_are_a_list(call: Call, write: Callable[..., Path]) -> None:
    file = write(service("one"), service("two"), profile())

    answer = json.loads(call("plan", "-f", file, "-o", "json").stdout)

    assert [one["name"] for one in answer] == ["one", "two"]


def test_a_model_file_is_inspected(call: Call, write: Callable[..., Path], model: Path) -> None:
    wanted = service()
    del wanted["spec"]["model"]["digest"]

    answer = json.loads(call("plan", "-f", write(wanted), "--model", model, "-o", "json").stdout)

    assert answer["digest"] == file_row(model, "model.onnx").digest
    assert answer["pools"][0]["maxBatchSize"] == 4


TIMES = {1: 30, 4: 60, 5: 70, 7: 90}
"""20 ms and 10 ms for every request."""
WITHIN_150_MS = {"objective": {"latency": {"milliseconds": 150}}}


def measured_profile(digest: str = DIGEST, **spec: Any) -> dict[str, Any]:
    """A profile that tells no facts."""
    rows = [measurement(TIMES).wire()]
    return {**profile(), "spec": {"digest": digest, "measurements": rows, **spec}}


@pytest.fixture
def profile_file(tmp_path: Path) -> Callable[..., Path]:
    """A file with these profiles."""

    def written(*documents: Any) -> Path:
        path = tmp_path / "profile.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        return path

    return written


def test_what_was_measured_decides(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    file = write(service(**WITHIN_150_MS), profile())

    told = profile_file(measured_profile())
    result = call("plan", "-f", file, "--profile", told, "-o", "json")

    answer = json.loads(result.stdout)
    (row,) = answer["pools"]
    assert (row["maxBatchSize"], row["capacityPerReplica"]) == (7, "47.4/s")
    assert any(reason.startswith("batch size 7: 47.4 requests/s") for reason in row["reasons"])
    assert answer["objectiveFeasible"]["status"] == "True"
    assert "max_batch_size: 7" in answer["objects"][0]["data"]["config.pbtxt"]


def test_another_engine_that_was_measured_runs(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    told = measured_profile()
    (slow,) = told["spec"]["measurements"]
    fast = {**slow, "engine": "openvino", "latency": [{"batchSize": 1, "milliseconds": "3"}]}
    told["spec"]["measurements"] = [slow, fast]
    file = write(service(**WITHIN_150_MS), profile(), pool("cpu", engines=["OpenVINO"]))

    answer = json.loads(
        call("plan", "-f", file, "--profile", profile_file(told), "-o", "json").stdout
    )

    assert answer["pools"][0]["engine"] == "openvino"
    assert 'backend: "openvino"' in answer["objects"][0]["data"]["config.pbtxt"]


def test_people_see_the_rate_and_what_came_second(call: Call, write: Callable[..., Path]) -> None:
    """The profile may be in the same file, as one or as two documents."""
    one_file = write(service(**WITHIN_150_MS), profile(), measured_profile())

    shown = call("plan", "-f", one_file).stdout

    for part in ("SAFE RATE", "47.4/s", "5 does 45.7 (-4 %); larger ones were not measured"):
        assert part in shown
    assert "objective not kept" not in shown


def test_without_measurements_there_is_no_rate(call: Call, write: Callable[..., Path]) -> None:
    answer = json.loads(call("plan", "-f", write(service(), profile()), "-o", "json").stdout)

    assert answer["pools"][0]["capacityPerReplica"] is None
    assert answer["objectiveFeasible"]["reason"] == "NotMeasured"


def test_an_objective_out_of_reach_is_said(call: Call, write: Callable[..., Path]) -> None:
    file = write(
        service(objective={"latency": {"milliseconds": 25}}), profile(), measured_profile()
    )

    result = call("plan", "-f", file)

    assert result.exit_code == OK, "there is a plan: it serves, late"
    assert "objective not kept: a request that is alone takes 30 ms, as declared" in result.stdout


HALF = {size: time / 2 for size, time in TIMES.items()}


def converted_profile(**changes: Any) -> dict[str, Any]:
    """A profile with a copy in INT8, twice as fast."""
    rows = [measurement(TIMES).wire(), measurement(HALF, precision="INT8").wire()]
    return measured_profile(measurements=rows, conversions=[conversion(**changes).wire()])


def test_a_profile_with_a_copy_decides_on_the_precision(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    """With nobody measuring or converting anything."""
    file = write(service(**WITHIN_150_MS), profile())
    told = profile_file(converted_profile())

    result = call("plan", "-f", file, "--profile", told, "-o", "json")
    shown = call("plan", "-f", file, "--profile", told).stdout

    answer = json.loads(result.stdout)
    (row,) = answer["pools"]
    assert (row["precision"], row["copy"]) == ("INT8", conversion().digest)
    assert any(reason.startswith("INT8: 134/s against 47.4/s") for reason in row["reasons"])
    assert answer["precisionVerified"]["reason"] == "Verified"
    assert "/s against 47.4/s of FP32; agreement 0.995 on 300 rows of samples" in shown


def test_a_copy_that_is_rejected_is_said_with_its_number(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    file = write(service(**WITHIN_150_MS, precision={"mode": "INT8"}), profile())
    told = profile_file(converted_profile(agreement="0.943"))

    result = call("plan", "-f", file, "--profile", told)

    assert result.exit_code == OK, "there is a plan: it serves, in FP32"
    assert (
        "precision not verified: pool cpu: INT8 rejected: agreement 0.943 < 0.99" in result.stdout
    )


def test_copies_and_numbers_may_be_in_two_profiles(call: Call, write: Callable[..., Path]) -> None:
    numbers, copies = converted_profile(), converted_profile()
    del numbers["spec"]["conversions"], copies["spec"]["measurements"]

    file = write(service(**WITHIN_150_MS), profile(), numbers, copies)
    answer = json.loads(call("plan", "-f", file, "-o", "json").stdout)

    assert answer["pools"][0]["precision"] == "INT8"


def test_a_model_file_and_a_profile_are_enough(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path], model: Path
) -> None:
    wanted = service(**WITHIN_150_MS)
    del wanted["spec"]["model"]["digest"]
    told = profile_file(measured_profile(file_row(model, "model.onnx").digest))

    words = ("--model", model, "--profile", told, "-o", "json")
    answer = json.loads(call("plan", "-f", write(wanted), *words).stdout)

    assert answer["pools"][0]["maxBatchSize"] == 7


def test_a_service_without_a_digest_has_the_model_of_the_profile(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    wanted = service(**WITHIN_150_MS)
    del wanted["spec"]["model"]["digest"]
    told = profile_file(measured_profile(facts=facts().wire()))

    result = call("plan", "-f", write(wanted), "--profile", told, "-o", "json")

    answer = json.loads(result.stdout)
    assert (answer["digest"], answer["pools"][0]["maxBatchSize"]) == (DIGEST, 7)


def test_a_profile_of_another_model_is_refused(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path], model: Path
) -> None:
    wanted = service()
    del wanted["spec"]["model"]["digest"]

    result = call(
        "plan", "-f", write(wanted), "--model", model, "--profile", profile_file(measured_profile())
    )

    assert result.exit_code == INVALID
    assert f"describes the model {DIGEST}, but the model file has sha256:" in result.stderr


def test_a_file_without_a_profile_is_refused(
    call: Call, write: Callable[..., Path], profile_file: Callable[..., Path]
) -> None:
    result = call("plan", "-f", write(service(), profile()), "--profile", profile_file(service()))

    assert result.exit_code == INVALID
    assert "no ModelProfile in it" in result.stderr


def test_described_pools_are_used(call: Call, write: Callable[..., Path]) -> None:
    file = write(pool(accelerator={}, replicaResources={"cpu": 4}), service(), profile())

    (row,) = json.loads(call("plan", "-f", file, "-o", "json").stdout)["pools"]

    assert (row["pool"], row["cpu"], row["threads"]) == ("l4", "4", None)


def test_image_and_release_of_pools_that_name_none(call: Call, write: Callable[..., Path]) -> None:
    file = write(service(), profile())

    result = call(
        "plan", "-f", file, "--image", "r.example/own:dev", "--release", "24.10", "-o", "json"
    )

    (row,) = json.loads(result.stdout)["pools"]
    assert row["image"] == "r.example/own:dev"
    assert any("24.10" in reason for reason in row["reasons"])


def test_a_kubernetes_list_and_other_groups_objects(call: Call, write: Callable[..., Path]) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    rows = {"apiVersion": "v1", "kind": "List", "items": [namespace, service(), profile()]}

    assert call("plan", "-f", write(None, rows)).exit_code == OK


class Wrong(NamedTuple):
    name: str
    documents: list[Any]
    says: str


BAD_URI = {"model": {"uri": 7}}


@pytest.mark.parametrize(
    "row",
    [
        Wrong(
            "unknown field",
            [service(batching={"maxBatch": 8})],
            "InferenceService filetype: spec.batching.maxBatch: unknown field",
        ),
        Wrong(
            "unknown field in a list",
            [service(runtime={"env": [{"name": "A", "vaule": "b"}]})],
            "spec.runtime.env[0].vaule",
        ),
        Wrong("missing field", [service(model={})], "spec.model.uri: Field required"),
        Wrong("wrong word", [service(scaling={"mode": "auto"})], "spec.scaling.mode: "),
        Wrong("wrong type", [service(**BAD_URI)], "spec.model.uri: "),
        Wrong("no spec", [{**service(), "spec": None}], "InferenceService filetype: spec"),
        Wrong("no name", [{**service(), "metadata": {}}], "metadata.name: is missing"),
        Wrong("metadata of no use", [{**service(), "metadata": ["a"]}], "metadata"),
        Wrong("name of no use", [service(7)], "metadata.name"),
        Wrong(
            "name that no Service can have",
            [service("File.Type")],
            "metadata.name",
        ),
        Wrong(
            "unknown kind",
            [{**service(), "kind": "InferenceServices"}],
            "has no kind 'InferenceServices'",
        ),
        Wrong("nothing to plan", [pool()], "no InferenceService in it"),
        Wrong(
            "other version",
            [{**service(), "apiVersion": "serving.triton-operator.io/v9"}],
            "no InferenceService in it",
        ),
        Wrong("pool", [service(), pool(cost={"perReplicaHour": 0.71})], "ServingPool l4: spec"),
        Wrong(
            "rule across fields",
            [service(batching={"mode": "Fixed"}), profile()],
            "mode Fixed needs maxBatchSize",
        ),
        Wrong(
            "bounds that cross",
            [service(scaling={"minReplicas": 5, "maxReplicas": 2}), profile()],
            "minReplicas must not be greater than maxReplicas",
        ),
    ],
    ids=lambda row: row.name,
)
def test_wrong_input_is_named_by_its_path(
    call: Call, write: Callable[..., Path], row: Wrong
) -> None:
    result = call("plan", "-f", write(*row.documents))

    assert result.exit_code == INVALID
    assert row.says in result.stderr
    assert result.stdout == ""


def test_every_mistake_is_named_at_once(call: Call, write: Callable[..., Path]) -> None:
    result = call("plan", "-f", write(service(model={}, scaling={"mode": "auto"})))

    assert "spec.model.uri" in result.stderr
    assert "spec.scaling.mode" in result.stderr


def test_a_file_that_cannot_be_read(call: Call, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "absent.yaml", broken, binary):
        result = call("plan", "-f", path)
        assert result.exit_code == INVALID
        assert result.stderr.count(str(path)) == 1
        assert "unicode string" not in result.stderr


def test_an_option_that_does_not_exist_or_has_no_such_value(
    call: Call, write: Callable[..., Path]
) -> None:
    file = write(service(), profile())

    assert call("plan").exit_code == INVALID
    assert call("plan", "-f", file, "-o", "xml").exit_code == INVALID
    assert call("plan", "-f", file, "--release", "newest").exit_code == INVALID


class Refused(NamedTuple):
    name: str
    documents: list[Any]
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Refused("model unknown", [service()], "filetype: no plan: ModelUnknown: say which file"),
        Refused(
            "profile without facts",
            [service(), {**profile(), "spec": {"digest": DIGEST}}],
            f"ModelUnknown: the profile of {DIGEST} has no facts",
        ),
        Refused(
            "no such pool",
            [service(hardware={"pools": ["h100"]}), profile()],
            "PoolNotFound: spec.hardware.pools",
        ),
        Refused(
            "no gpu",
            [service(hardware={"accelerator": "GPU"}), profile()],
            "NoPoolFits: spec.hardware.accelerator is GPU",
        ),
        Refused(
            "format",
            [
                service(model={"uri": "pvc://m/a", "format": "TritonRepository", "digest": DIGEST}),
                profile(),
            ],
            "FormatMismatch: spec.model.format is TritonRepository",
        ),
        Refused(
            "release unknown",
            [service(runtime={"image": "r.example/own:latest"}), profile()],
            "UnknownTritonRelease: spec.runtime.image",
        ),
    ],
    ids=lambda row: row.name,
)
@pytest.mark.parametrize("output", ["table", "yaml", "json"])
def test_no_plan_is_an_exit_code_of_its_own(
    call: Call, write: Callable[..., Path], row: Refused, output: str
) -> None:
    result = call("plan", "-f", write(*row.documents), "-o", output)

    assert result.exit_code == REFUSED
    assert row.says in result.stderr


def test_a_refusal_of_one_leaves_the_plans_of_others(
    call: Call, write: Callable[..., Path]
) -> None:
    file = write(service("bad", hardware={"pools": ["h100"]}), service("good"), profile())

    result = call("plan", "-f", file, "-o", "json")

    assert result.exit_code == REFUSED
    bad, good = json.loads(result.stdout)
    assert bad["refusal"]["reason"] == "PoolNotFound"
    assert good["pools"]


def test_a_model_file_with_other_bytes_than_pinned(
    call: Call, write: Callable[..., Path], model: Path
) -> None:
    result = call("plan", "-f", write(service()), "--model", model)

    assert result.exit_code == REFUSED
    assert "DigestMismatch: spec.model.digest is" in result.stderr


def test_a_model_that_triton_cannot_serve(
    call: Call, write: Callable[..., Path], tmp_path: Path
) -> None:
    wanted = service()
    del wanted["spec"]["model"]["digest"]

    result = call("plan", "-f", write(wanted), "--model", saved(relu([], []), tmp_path))

    assert result.exit_code == REFUSED
    assert "scalar" in result.stderr


@pytest.mark.parametrize("content", [None, b"no model"], ids=["absent", "no model"])
def test_a_file_that_is_no_model(
    call: Call, write: Callable[..., Path], tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)

    result = call("plan", "-f", write(service()), "--model", path)

    assert result.exit_code == INVALID
    assert str(path) in result.stderr


def test_examples_can_be_planned(call: Call, model: Path) -> None:
    examples = Path(__file__).parents[3] / "examples"

    result = call("plan", "-f", examples / "filetype.yaml", "--model", model)

    assert result.exit_code == OK


def test_a_folder_is_not_planned(call: Call, tmp_path: Path) -> None:
    result = call("plan", "-f", tmp_path)

    assert result.exit_code == INVALID
    assert result.stderr == f"{tmp_path}: is a directory; name one file in it\n"


def test_standard_input_is_planned() -> None:
    text = yaml.safe_dump_all([service(), profile()])

    result = CliRunner().invoke(app, ["plan", "-f", "-"], input=text)

    assert result.exit_code == OK
    assert f"filetype: model {DIGEST}" in result.stdout
