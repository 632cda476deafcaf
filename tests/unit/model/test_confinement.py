"""The parser in its cell: what it may not do, and what is said when it dies."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.model.building import MAGIKA, external, linear, saved
from triton_operator.model.confinement import Confinement, read_confined
from triton_operator.model.errors import ModelFailure
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.structure import read_structure


def test_it_says_the_same_as_the_open_parser(tmp_path: Path) -> None:
    for path in (MAGIKA, saved(external("w.bin"), tmp_path)):
        assert read_confined(path, Confinement()) == read_structure(path, InspectionLimits())


def test_refusals_come_through_the_wall(tmp_path: Path) -> None:
    path = saved(external("../w.bin"), tmp_path)

    with pytest.raises(ModelFailure) as caught:
        read_confined(path, Confinement())

    assert caught.value.failure.reason == "ExternalDataRefused"
    assert "'..'" in caught.value.failure.message
    assert not caught.value.failure.retryable


def test_a_parser_without_memory_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure) as caught:
        read_confined(saved(linear(), tmp_path), Confinement(memory_bytes=64 << 20))

    assert caught.value.failure.reason == "ParserFailed"
    assert "64 MiB of memory" in caught.value.failure.message


def test_files_beside_the_model_are_not_imported(tmp_path: Path) -> None:
    """A downloaded file must not become a module: `onnx.py` as external data, for example."""
    (tmp_path / "onnx.py").write_text("raise SystemExit('imported')")
    saved(linear(), tmp_path)
    code = (
        "from pathlib import Path\n"
        "from triton_operator.model.confinement import Confinement, read_confined\n"
        "print(read_confined(Path('model.onnx'), Confinement()).parameter_count)\n"
    )

    done = run(code, cwd=tmp_path)

    assert (done.stdout, done.stderr) == ("15\n", "")


@pytest.mark.parametrize(
    ("attempt", "ending"),
    [
        pytest.param("while True: pass", "-24", id="endless loop: SIGXCPU"),
        pytest.param("bytearray(1 << 30)", "MemoryError", id="memory"),
        pytest.param("open('made', 'wb', 0).write(b'x')", "-25", id="a file: SIGXFSZ"),
    ],
)
def test_limits_hold(attempt: str, ending: str, tmp_path: Path) -> None:
    confined = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "from triton_operator.model.confinement import confine\n"
        f"confine(512 << 20, 1)\n{attempt}\n"
    )

    done = run(confined, cwd=tmp_path)

    assert ending in f"{done.returncode} {done.stderr}"
    assert not (tmp_path / "made").exists() or not (tmp_path / "made").stat().st_size


def test_the_obituary_names_the_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = tmp_path / "python"
    killer.write_text("#!/bin/sh\nkill -SEGV $$\n")
    killer.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killer))

    with pytest.raises(ModelFailure, match="ended by SIGSEGV on this file"):
        read_confined(saved(linear(), tmp_path), Confinement())


def test_memory_grows_with_the_file_unless_it_is_stated() -> None:
    assert Confinement().memory_for(1 << 30) == 5 << 30
    assert Confinement(memory_bytes=7).memory_for(1 << 30) == 7


def run(code: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    import triton_operator

    root = str(Path(triton_operator.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
