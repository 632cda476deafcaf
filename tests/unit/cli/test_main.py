"""The commands: what there is, and what it costs to ask."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from triton_operator import __version__
from triton_operator.cli.exit_codes import FAILED, INVALID, OK

Call = Callable[..., Result]
ROOT = Path(__file__).parents[3]


def test_version(call: Call) -> None:
    result = call("--version")

    assert (result.exit_code, result.stdout) == (OK, f"{__version__}\n")


def test_help_lists_the_commands(call: Call) -> None:
    text = call("--help").stdout

    for command in ("run", "plan", "explain", "decisions", "replay", "crds", "model"):
        assert command in text
    assert "inspect" in call("model", "--help").stdout


def test_an_unknown_command_is_wrong_input(call: Call) -> None:
    assert call("fly").exit_code == INVALID


def test_crds_are_those_that_are_checked_in(call: Call) -> None:
    printed = list(yaml.safe_load_all(call("crds").stdout))

    checked_in = [
        document
        for path in sorted((ROOT / "crds").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    assert len(printed) == 5
    assert sorted(printed, key=str) == sorted(checked_in, key=str)


@pytest.mark.parametrize(
    "option",
    [
        "--image",
        "--image-pull-policy",
        "--namespace",
        "--kubeconfig",
        "--cpu-image",
        "--cpu-release",
        "--gpu-image",
        "--gpu-release",
        "--http-port",
        "--workers",
        "--sweep-seconds",
        "--max-model-bytes",
        "--fetch-timeout-seconds",
        "--log-format",
        "--verbose",
    ],
)
def test_options_of_run(call: Call, option: str) -> None:
    """The chart and people's manifests name them."""
    assert f"{option} " in call("run", "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--image=a", "--workers=0"],
        ["--image=a", "--workers=1000"],
        ["--image=a", "--sweep-seconds=0"],
        ["--image=a", "--log-format=xml"],
    ],
    ids=["no image", "no worker", "too many", "no pause", "no such format"],
)
def test_run_refuses_what_cannot_work(call: Call, arguments: list[str]) -> None:
    result = call("run", *arguments)

    assert result.exit_code == INVALID
    assert result.stderr


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    names = ("", "kopf", "aiohttp", "asyncio")
    before = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("_logging_as_it_was")
def test_run_without_a_cluster_fails_with_a_reason(call: Call, tmp_path: Path) -> None:
    result = call("run", "--image=a", f"--kubeconfig={tmp_path / 'absent'}", "--http-port=0")

    assert result.exit_code == FAILED
    assert "The operator ends with an error." in result.stderr


def test_a_plan_loads_no_kubernetes_client() -> None:
    """Help and plans should answer at once; kopf and the clients take a second to load."""
    code = (
        "import sys; import triton_operator.cli.main; "
        "print(sorted({'kopf', 'kubernetes', 'aiohttp', 'onnx', 'grpc'} & set(sys.modules)))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "operator"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout.strip() == "[]"
