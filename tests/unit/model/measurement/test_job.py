"""What a Job's container leaves behind: numbers or a failure, whatever happens."""

from pathlib import Path

import pytest

from e2e.harness.ports import free_ports
from triton_operator.api.measurement_report import MeasurementReport, decode_measurement
from triton_operator.model.job_process import PERMANENT, RETRYABLE
from triton_operator.model.measurement.__main__ import main


def failed(arguments: list[str], report: Path) -> tuple[int, str]:
    """The exit code, and the reason in the report."""
    code = main([*arguments, f"--report={report}"])
    found = decode_measurement(report.read_text())
    assert isinstance(found, MeasurementReport)
    assert found.failure is not None
    return code, found.failure.reason


def test_nothing_answers(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    common = ["--model=m", "--seed=a", "--load-seconds=0"]

    assert failed([f"--url=http://127.0.0.1:{port}", *common], tmp_path / "r") == (
        RETRYABLE,
        "TritonUnreachable",
    )


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1", "http://h:x", "http://h/v2"])
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    common = ["--model=m", "--seed=a", "--load-seconds=0"]

    assert failed([f"--url={url}", *common], tmp_path / "r") == (PERMANENT, "InvalidArguments")


@pytest.mark.parametrize(
    "wrong", [["--budget-seconds=long"], ["--precision=FP8"], ["--no-such-flag"]]
)
def test_wrong_arguments_are_in_the_report(wrong: list[str], tmp_path: Path) -> None:
    common = ["--url=http://127.0.0.1:1", "--model=m", "--seed=a"]

    assert failed([*common, *wrong], tmp_path / "r") == (PERMANENT, "InvalidArguments")
