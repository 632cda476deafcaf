"""The schema is there without the client it ships with, and is the same when both are."""

import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "operator"


def run(code: str) -> str:
    """What a fresh interpreter prints: this one may have loaded anything before."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_operator_loads_neither_grpc_nor_numpy() -> None:
    assert (
        run(
            "import sys\n"
            "from triton_operator.triton.model_config import parse_config\n"
            "parse_config('name: \"m\"')\n"
            "print(sorted({'grpc', 'numpy'} & set(sys.modules)))"
        )
        == "[]"
    )


def test_classes_are_those_of_the_client_imported_before_or_after() -> None:
    for order in ("o; c", "c; o"):
        imports = {
            "o": "from triton_operator.triton.model_config_schema import schema; s = schema()",
            "c": "from tritonclient.grpc import model_config_pb2 as c",
        }
        first, second = order.split("; ")

        assert run(
            f"{imports[first]}\n{imports[second]}\nprint(s.ModelConfig is c.ModelConfig)"
        ) == ("True"), order
