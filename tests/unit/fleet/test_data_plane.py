"""Whether an endpoint answers: three failures say no, one answer says yes."""

import pytest

from triton_operator.fleet.data_plane import DataPlane, Probe, probed

KINDS = {"+": Probe.ANSWERED, "-": Probe.FAILED, "?": Probe.UNTRUSTED}


@pytest.mark.parametrize(
    ("probes", "answers"),
    [
        ("", None),
        ("+", True),
        ("--", None),
        ("---", False),
        ("+--", True),
        ("+---", False),
        ("+--+--", True),
        ("---+", True),
        ("+?", None),
        ("--?-", None),
        ("---?--", None),
        ("---?---", False),
    ],
)
def test_after_some_probes(probes: str, answers: bool | None) -> None:
    found = DataPlane()
    for one in probes:
        found = probed(found, KINDS[one], one)

    assert found.answers is answers
    assert found.said == probes[-1:]
