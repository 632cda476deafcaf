"""What people read after the installation is true."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from e2e.harness.controlplane import ControlPlane
from tests.chart.kubectl import kubectl
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, REPOSITORY, helm
from tests.chart.values_table import README, documented_values, with_table

VALUES_TEXT = (CHART / "values.yaml").read_text()


def notes(*arguments: str) -> str:
    answer = helm(
        "install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=client", *arguments
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split("\nNOTES:\n", 1)[1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), ["every namespace", "kubectl -n default apply", "kubectl -n default get tisvc -w"]),
        (
            ("--set", "namespaces={shop,search}"),
            ["the namespaces shop, search", "kubectl -n shop apply", "kubectl -n shop get tisvc"],
        ),
        (
            ("--set", "fullnameOverride=other"),
            [f"kubectl -n {NAMESPACE} rollout status deployment/other"],
        ),
    ],
)
def test_the_notes_fit_the_installation(settings: tuple[str, ...], expected: list[str]) -> None:
    text = notes(*settings)

    assert [line for line in expected if line not in text] == []


def heredocs(text: str) -> list[str]:
    return re.findall(r"<<EOF\n(.*?)\n *EOF", text, flags=re.DOTALL)


def yaml_blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(apiVersion.*?)```", text, flags=re.DOTALL)


def test_every_example_is_taken_by_the_api_server(
    control_plane: ControlPlane, installed_crds: None
) -> None:
    readme = README.read_text()
    examples = [*heredocs(notes()), *heredocs(readme), *yaml_blocks(readme)]

    assert len(examples) >= 2
    for example in examples:
        # As its reader's shell would pass it on, only without the margin.
        answer = kubectl(
            control_plane,
            "create",
            "--dry-run=server",
            "--validate=strict",
            "--filename=-",
            objects=[yaml.safe_load(example)],
        )
        assert answer.returncode == 0, f"{example}\n{answer.stderr}"


def test_every_value_has_its_comment() -> None:
    undocumented = [one.path for one in documented_values(VALUES_TEXT) if not one.comment]

    assert undocumented == []


def test_the_documented_values_are_the_values() -> None:
    found: dict[str, object] = {}
    for one in documented_values(VALUES_TEXT):
        place = found
        *parents, key = one.path.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})  # type: ignore[assignment]
        place[key] = yaml.safe_load(one.default)

    assert found == yaml.safe_load(VALUES_TEXT)


def test_the_table_in_the_readme_is_up_to_date() -> None:
    text = README.read_text()

    assert text == with_table(text, documented_values(VALUES_TEXT)), (
        "run `python -m tests.chart.values_table`"
    )


def test_the_chart_has_the_version_of_the_package() -> None:
    package = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["version"] == package
    assert chart["appVersion"] == package
