"""What only Google has: tokens that a key is exchanged for."""

from collections.abc import Callable, Mapping

import pytest

from tests.stores.command import Command
from tests.stores.forwarding import Gate
from tests.stores.stocked import ROWS, Stocked

NewPod = Callable[[Mapping[str, str], str], Command]


@pytest.mark.parametrize(("seconds", "asked"), [(3600, 1), (10, 2)])
def test_a_token_is_asked_for_again_only_when_it_runs_out(
    gs_and_gate: tuple[Stocked, Gate],
    pod: NewPod,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    asked: int,
) -> None:
    gs, gate = gs_and_gate
    monkeypatch.setattr(gate, "token_seconds", seconds)
    before = gate.tokens

    code = pod(gs.secret, gs.address).fetch(gs.uri(gs.address), gs.endpoint(gs.address), ROWS)

    assert code == 0
    assert gate.tokens - before == asked
