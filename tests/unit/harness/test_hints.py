"""What the demo says to type next works in the shell where it ran."""

from pathlib import Path

import pytest

from e2e.harness.paths import REPOSITORY
from e2e.hints import hints

KUBECONFIG, OURS = Path("/state/kubeconfig"), Path("/cache/bin/kubectl-1.36.3")


def lines(kubectl: Path | None = None, address: str | None = None) -> list[str]:
    example = REPOSITORY / "examples" / "filetype.yaml"
    return hints(KUBECONFIG, kubectl, example, Path("/site-packages/model.onnx"), address)


@pytest.mark.parametrize(
    ("kubectl", "aliases"),
    [(None, []), (OURS, [f"alias kubectl={OURS}"])],
    ids=["on PATH", "ours"],
)
def test_kubectl_is_named_before_it_is_used(kubectl: Path | None, aliases: list[str]) -> None:
    found = lines(kubectl)
    first = next(number for number, line in enumerate(found) if line.startswith("kubectl "))

    assert found[:first] == [f"export KUBECONFIG={KUBECONFIG}", *aliases]


def test_files_of_the_repository_are_named_as_seen_from_it() -> None:
    """Others, such as those of an environment elsewhere, keep their whole path."""
    plan = ".venv/bin/triton-operator plan -f examples/filetype.yaml"
    assert f"{plan} --model /site-packages/model.onnx" in lines()


@pytest.mark.parametrize(("address", "asks"), [(None, 0), ("198.51.100.7:8000", 1)])
def test_the_client_needs_an_address_that_can_be_reached(address: str | None, asks: int) -> None:
    assert sum("filetype_client.py" in line for line in lines(address=address)) == asks
