"""What `cluster drain` says while it waits."""

import pytest

from triton_operator.cli.draining import Drained, Served

SERVING = Served("shop/vision", 3, is_leaving=False, why="takes 2.00 replicas' worth")
LEAVING = Served("shop/speech", None, is_leaving=True, why="its agent has not confirmed")


@pytest.mark.parametrize(
    ("state", "services", "words"),
    [
        (
            "Connected",
            (SERVING, LEAVING),
            "store still has shop/vision (3 ready), shop/speech (leaving)",
        ),
        (
            "Lost",
            (SERVING,),
            "store still has shop/vision (3 ready); it is Lost, and nothing moves as long as it is",
        ),
        ("Connected", (), "store: nothing is served any more"),
    ],
)
def test_progress(state: str, services: tuple[Served, ...], words: str) -> None:
    found = Drained("store", state, is_marked=True, services=services)

    assert found.progress() == words
    assert found.is_empty is (not services)


def test_rows() -> None:
    assert SERVING.row() == ("shop/vision", "3", "serving", "takes 2.00 replicas' worth")
    assert LEAVING.row() == ("shop/speech", "-", "leaving", "its agent has not confirmed")
