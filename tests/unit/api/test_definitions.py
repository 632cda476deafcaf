"""The CustomResourceDefinitions: their names, columns, subresources and files."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from triton_operator.api.crd import SchemaError, all_crds, crds_yaml, kinds
from triton_operator.api.crd.__main__ import main
from triton_operator.api.crd.files import SIZE_LIMIT, outdated, rendered, write
from triton_operator.api.crd.resource import crd
from triton_operator.api.fields import ApiModel

REPOSITORY = Path(__file__).parents[3]


def version_of(definition: dict[str, Any]) -> dict[str, Any]:
    """The one version of a definition."""
    (version,) = definition["spec"]["versions"]
    return version


# kind: names and scope
NAMES = {
    "InferenceService": ("inferenceservices", "tisvc", "Namespaced"),
    "ServingPool": ("servingpools", "tpool", "Cluster"),
    "ModelProfile": ("modelprofiles", "mprof", "Namespaced"),
    "InferenceCluster": ("inferenceclusters", "icl", "Cluster"),
    "InferenceWork": ("inferenceworks", "iwork", "Namespaced"),
}


def test_the_kinds_and_their_names() -> None:
    found = {
        spec["names"]["kind"]: (
            spec["names"]["plural"],
            *spec["names"]["shortNames"],
            spec["scope"],
        )
        for spec in (definition["spec"] for definition in all_crds())
    }

    assert found == NAMES


def test_every_kind_is_in_the_category() -> None:
    for definition in all_crds():
        assert definition["spec"]["names"]["categories"] == ["inference"]
        assert definition["spec"]["group"] == "serving.triton-operator.io"
        assert version_of(definition)["name"] == "v1alpha1"


def test_columns_of_an_inference_service() -> None:
    columns = version_of(crd(kinds.INFERENCE_SERVICE))["additionalPrinterColumns"]
    shown = [column["name"].upper() for column in columns if not column.get("priority")]
    wide = [column["name"].upper() for column in columns if column.get("priority") == 1]

    assert shown == ["READY", "PRECISION", "BATCH", "REPLICAS", "DESIRED", "P99", "URL", "AGE"]
    assert wide == ["POOLS", "MODEL", "VARIANT", "REASON"]


def shown_as(schema: dict[str, Any]) -> str:
    """The type of a column with such values: times as an age, lists as text."""
    if schema.get("format") == "date-time":
        return "date"
    kind: str = schema["type"]
    return "string" if kind == "array" else kind


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.name)
def test_columns_point_to_fields_that_exist(kind: kinds.Kind) -> None:
    root = version_of(crd(kind))["schema"]["openAPIV3Schema"]

    for column in kind.columns:
        schema = root
        for step in column.path.removeprefix(".").replace('?(@.type=="Ready")', "0").split("."):
            if column.path.startswith(".metadata"):
                break
            name, _, index = step.partition("[")
            schema = schema["properties"][name]
            schema = schema["items"] if index else schema
        else:
            assert shown_as(schema) == column.type


def test_subresources() -> None:
    found = {
        definition["spec"]["names"]["kind"]: version_of(definition).get("subresources")
        for definition in all_crds()
    }

    assert found == {
        "InferenceService": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.scaling.minReplicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "ServingPool": {"status": {}},
        "ModelProfile": None,
        "InferenceCluster": {"status": {}},
        "InferenceWork": {"status": {}},
    }


def test_definitions_are_values_of_their_own() -> None:
    first = all_crds()
    first[0]["spec"]["names"]["categories"].append("other")
    version_of(first[0])["schema"]["openAPIV3Schema"]["properties"]["spec"].clear()

    assert all_crds() != first
    assert all_crds() == all_crds()


def test_the_stream_holds_every_definition() -> None:
    assert list(yaml.safe_load_all(crds_yaml())) == json.loads(json.dumps(all_crds()))


def test_files_are_small_enough_for_client_side_apply() -> None:
    for name, content in rendered().items():
        assert len(json.dumps(yaml.safe_load(content))) < SIZE_LIMIT, name
        assert len(content.encode()) < SIZE_LIMIT, name


def test_a_model_that_the_lint_refuses_is_refused_by_name() -> None:
    class Spec(ApiModel):
        title: str = Field(description="Unbounded.")

    kind = kinds.Kind(
        name="Sample",
        plural="samples",
        short_name="smp",
        namespaced=True,
        summary="A sample.",
        spec=Spec,
        status=None,
        columns=(),
    )

    with pytest.raises(SchemaError, match=r"Sample\.spec\.title: has no maxLength"):
        crd(kind)


def test_files_are_written_once(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "crds"

    first, second = write(folder), write(folder)

    assert sorted(path.name for path in first) == sorted(
        [f"{plural}.yaml" for plural, _, _ in NAMES.values()]
    )
    assert second == []
    assert outdated(folder) == []


def test_differences_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    (tmp_path / "servingpools.yaml").write_text("edited", encoding="utf-8")
    (tmp_path / "modelprofiles.yaml").unlink()
    left_over = tmp_path / "oldkinds.yaml"
    left_over.write_text((tmp_path / "inferenceservices.yaml").read_text(), encoding="utf-8")
    (tmp_path / "foreign.yaml").write_text("kind: List", encoding="utf-8")

    code = main(["--check", str(tmp_path)])

    said = capsys.readouterr().err
    assert code == 1
    for name in ("servingpools", "modelprofiles", "oldkinds"):
        assert f"{name}.yaml is not what the models say" in said
    assert "foreign" not in said
    assert f"--write {tmp_path}" in said

    assert main(["--write", str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    assert not left_over.exists()
    assert (tmp_path / "foreign.yaml").exists()


@pytest.mark.parametrize("folder", ["crds", "charts/triton-operator/crds"])
def test_checked_in_files_are_what_the_models_say(folder: str) -> None:
    assert outdated(REPOSITORY / folder) == []
