"""A file is refused without a cluster for what the API server refuses it, in the same words."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.api import test_patterns, test_rules
from tests.api.paths import ABSENT, changed
from tests.api.test_unknown_values import UNKNOWN, WRONG
from tests.objects import all_written, title, written
from triton_operator.api.crd.schema import VALIDATIONS
from triton_operator.cli.admission import as_stored, refusals
from triton_operator.cli.cel_rules import broken_rules
from triton_operator.cli.documents import InvalidDocument, read_documents
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.main import app

RULES = test_rules.ROWS
# A status is the operator's, and no part of what a user applies.
PATTERNS = [(kind, path) for kind, path in test_patterns.CASES if path.startswith("spec")]


def every_field(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The object of this kind that has every field, with some changed."""
    return changed(written(f"{kind}-every-field"), changes)


def refused(document: dict[str, Any]) -> list[str]:
    """`PATH: MESSAGE` of all that is wrong, each said to be of this object."""
    where = f"{document['kind']} {document['metadata']['name']}: "
    lines = refusals(document["kind"], document)
    assert all(line.startswith(where) for line in lines)
    return [line.removeprefix(where) for line in lines]


@pytest.mark.parametrize("name", RULES)
def test_a_broken_rule_is_named_in_its_own_words(name: str) -> None:
    row = RULES[name]

    found = refused(every_field(row.kind, row.refused))

    assert found == [f"{row.at}: {row.message}" if row.at else row.message]


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_asks_for_is_taken(name: str) -> None:
    row = RULES[name]

    assert refused(every_field(row.kind, row.accepted)) == []


@pytest.mark.parametrize(("kind", "path"), PATTERNS)
def test_a_pattern_takes_and_refuses(kind: str, path: str) -> None:
    taken, wrong = test_patterns.ROWS[kind][path]

    (line,) = refused(test_patterns.document_with(kind, path, wrong))

    assert line.startswith(path.replace("{", ".").replace("}", "") + ": String should match")
    assert refused(test_patterns.document_with(kind, path, taken)) == []


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_field_is_refused(path: str) -> None:
    assert refused(every_field("inferenceservice", {path: "x"})) == [f"{path}: unknown field"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_with_its_path(name: str) -> None:
    kind, path, value, message = WRONG[name]

    (line,) = refused(every_field(kind, {path: value}))

    if message == "Duplicate value":  # It is the whole row that may not be there.
        path = path.removesuffix("[0].name") + "[1]"
        assert message in line
    assert line.startswith(path)


@pytest.mark.parametrize("document", all_written(), ids=title)
def test_what_users_are_shown_is_taken(document: dict[str, Any]) -> None:
    assert refused(document) == []


# name: (changes of the service with every field, what is said). The API server refuses each of
# these too, but where two things are wrong it may say one of them only.
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no spec": ({"spec": ABSENT}, ["spec: Field required"]),
    "a spec that is nothing": ({"spec": None}, ["spec: Field required"]),
    "a field beside the spec": ({"sepc": {}}, ["sepc: unknown field"]),
    "a number written as text": (
        {"spec.scaling.minReplicas": "1"},
        ["spec.scaling.minReplicas: Input should be a valid integer"],
    ),
    "a field as the models call it": (
        {"spec.scaling": {"max_replicas": 2}},
        ["spec.scaling.max_replicas: unknown field"],
    ),
    "a number of 65 bits, named once": (
        {"spec.scaling.maxReplicas": 2**64},
        ["spec.scaling.maxReplicas: Input should be less than or equal to 1000"],
    ),
    "a rule about what is wrong already": (
        {"spec.model.uri": 5},
        ["spec.model.uri: Input should be a valid string"],
    ),
    "all at once": (
        {
            "metadata.name": "2fast",
            "spec.model.secretName": "A",
            "spec.scaling": {"minReplicas": 3, "maxReplicas": 2},
        },
        [
            "spec.model.secretName: String should match pattern "
            r"'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'",
            test_rules.NAME,
            "spec.scaling: minReplicas must not be greater than maxReplicas",
        ],
    ),
    "more than the default": (
        {"spec.scaling": {"mode": "Fixed", "maxReplicas": 2}},
        ["spec.scaling: " + test_rules.REPLICAS_FIXED],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_all_that_is_wrong_is_said(name: str) -> None:
    changes, said = REFUSED[name]

    assert refused(every_field("inferenceservice", changes)) == said


TIMES = {
    "2026-11-20T10:00:00Z": True,
    "2026-11-20t10:00:00.25+02:00": True,
    "2026-11-20": False,
    "2026-11-20 10:00:00Z": False,
    "2026-11-20T10:00:00": False,
    "2026-02-30T10:00:00Z": False,
    "2026-11-20T24:00:00Z": False,
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_one_of_rfc_3339(text: str) -> None:
    found = refused(every_field("modelprofile", {"spec.measurements[0].time": text}))

    assert (found == []) is TIMES[text]


def test_more_than_64_bits_are_refused() -> None:
    found = refused(every_field("servingpool", {"spec.tolerations[1].tolerationSeconds": 2**63}))

    assert found == ["spec.tolerations[1].tolerationSeconds: must be an integer of at most 64 bits"]


def test_null_is_as_good_as_absent() -> None:
    nulls = ("spec.scaling", "spec.batching.maxQueueDelayMicroseconds", "spec.model.digest")
    document = every_field("inferenceservice", dict.fromkeys(nulls))

    assert refused(document) == []
    spec = as_stored("InferenceService", document)["spec"]
    assert spec["scaling"] == {"mode": "Auto", "minReplicas": 1}
    assert spec["batching"]["maxQueueDelayMicroseconds"] == 0
    assert "digest" not in spec["model"]


def test_a_status_is_dropped_unread() -> None:
    status = {"autoscaling": {"lastDecision": {"time": "never"}}}

    assert refused(every_field("inferenceservice", {"status": status})) == []


def test_a_rule_without_an_answer_refuses_unless_the_value_is_wrong_anyway() -> None:
    rule = {"rule": "double(self) <= 1.0", "message": "must be at most 1"}
    schema = {"properties": {"share": {"type": "string", VALIDATIONS: [rule]}}}

    (found,) = broken_rules(schema, {"share": "half"}, wrong=[("sharp",)])

    path, message = found
    assert path == ("share",)
    assert message.startswith("must be at most 1 (the rule has no answer: ")
    assert list(broken_rules(schema, {"share": "half"}, wrong=[("share",)])) == []


def test_objects_of_a_fleet_are_judged_too(tmp_path: Path) -> None:
    clusters = [written("inferencecluster-every-field"), written("inferencework-every-field")]
    path = file_of(tmp_path, *clusters, written("inferenceservice-smallest"))

    found = read_documents(path)

    assert found.of_the_fleet == 2
    assert len(found.services) == 1

    path = file_of(tmp_path, every_field("inferencecluster", {"spec.tier": "Space"}))
    with pytest.raises(InvalidDocument, match=r"InferenceCluster store-0042: spec\.tier: "):
        read_documents(path)


def file_of(folder: Path, *documents: dict[str, Any]) -> Path:
    path = folder / "objects.yaml"
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return path


def test_every_object_of_a_file_is_judged_before_it_is_refused(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        every_field("servingpool", {"spec.release": ABSENT}),
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [every_field("inferenceservice", {"spec.batching": {"mode": "Fixed"}})],
        },
    )

    with pytest.raises(InvalidDocument) as refusal:
        read_documents(path)

    assert str(refusal.value).splitlines() == [
        f"ServingPool l4: spec: {test_rules.RELEASE}",
        "InferenceService filetype: spec.batching: mode Fixed needs maxBatchSize",
    ]


def test_yaml_is_read_as_kubectl_reads_it(tmp_path: Path) -> None:
    document = every_field("modelprofile", {"spec.facts.toolVersions": {1: "one"}})
    path = file_of(tmp_path, document)
    path.write_text(path.read_text().replace("'2026-11-20T10:00:00Z'", "2026-11-20T10:00:00Z"))
    assert "time: 2026-11-20T10:00:00Z" in path.read_text()

    (profile,) = read_documents(path).profiles.values()

    assert profile.measurements[0].time == "2026-11-20T10:00:00Z"
    assert profile.facts is not None
    assert profile.facts.tool_versions == {"1": "one"}


def test_null_becomes_the_default(tmp_path: Path) -> None:
    path = file_of(tmp_path, every_field("inferenceservice", {"spec.scaling": None}))

    (service,) = read_documents(path).services

    assert service.spec.scaling.min_replicas == 1


@pytest.mark.parametrize("value", [b"bytes", float("nan"), {"a", "b"}])
def test_what_only_yaml_can_say_is_refused(tmp_path: Path, value: Any) -> None:
    path = file_of(tmp_path, every_field("inferenceservice", {"spec.model.uri": value}))

    with pytest.raises(InvalidDocument, match=r"^InferenceService: cannot be sent as JSON: "):
        read_documents(path)


@pytest.mark.parametrize("part", ["name", "namespace"])
def test_a_name_is_text(tmp_path: Path, part: str) -> None:
    path = file_of(tmp_path, every_field("inferenceservice", {f"metadata.{part}": 5}))

    with pytest.raises(InvalidDocument, match=rf"metadata\.{part}: 5 needs quotes"):
        read_documents(path)


def test_plan_refuses_what_breaks_a_rule(tmp_path: Path) -> None:
    scaling = {"minReplicas": 3, "maxReplicas": 2}
    path = file_of(tmp_path, every_field("inferenceservice", {"spec.scaling": scaling}))

    result = CliRunner().invoke(app, ["plan", "-f", str(path)])

    assert result.exit_code == INVALID
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "InferenceService filetype: spec.scaling: minReplicas must not be greater than maxReplicas"
    ]


def test_nothing_but_a_file_loads_the_library_of_rules() -> None:
    """The operator's process is the same command: it must not carry 14 MB that it never calls."""
    code = "import sys, triton_operator.cli.main; sys.exit('cel_expr_python' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
