"""The planner that is tried is the operator's own."""

from pathlib import Path

import pytest

from bench.planner.contender import candidates
from bench.planner.prepared import Copy, Prepared
from tests.unit.planning.building import DIGEST, facts, single_request_facts
from triton_operator.api.model_profile import ModelFacts


def prepared(folder: Path, model: ModelFacts, refusal: str) -> Prepared:
    for name in ("int8.onnx", "samples.npz"):
        (folder / name).write_bytes(b"as it is")
    copy = Copy("INT8Dynamic", refusal, agreement=1.0, rows=64)
    return Prepared("m", "k", folder, DIGEST, model, "rows", copy)


@pytest.mark.parametrize(
    ("model", "refusal", "cores", "names"),
    [
        (facts(), "agreement 0.9", 1, ["fp32-1x1-b16"]),
        (facts(), "agreement 0.9", 2, ["fp32-1x2-b16", "fp32-2x1-b16"]),
        (
            facts(),
            "",
            2,
            ["fp32-1x2-b16", "fp32-2x1-b16", "int8-1x2-b16", "int8-2x1-b16"],
        ),
        (single_request_facts(), "", 1, ["fp32-1x1-b0", "int8-1x1-b0"]),
    ],
)
def test_what_the_operator_measures_is_measured(
    model: ModelFacts, refusal: str, cores: int, names: list[str], tmp_path: Path
) -> None:
    found = candidates(prepared(tmp_path, model, refusal), cores, objective_milliseconds=100)

    assert [way.name for way in found] == names
