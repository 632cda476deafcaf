from pathlib import Path

import pytest

from bench.planner.runs import Runs, run_key

ONE = {"model": "sha256:aa", "way": "max_batch_size: 4", "rate": 10.0, "cpu": "x", "seed": 1}


@pytest.mark.parametrize("name", sorted(ONE))
def test_everything_that_decides_is_in_the_key(name: str) -> None:
    other = {**ONE, name: "other"}

    assert run_key(**other) != run_key(**ONE)


def test_the_order_decides_nothing() -> None:
    assert run_key(**dict(reversed(ONE.items()))) == run_key(**ONE)


def test_what_was_run_is_remembered(tmp_path: Path) -> None:
    Runs(tmp_path).put("abc", {"late": 3})

    assert Runs(tmp_path).get("abc") == {"late": 3}
    assert Runs(tmp_path).get("abd") is None


def test_a_fresh_benchmark_takes_only_what_it_ran_itself(tmp_path: Path) -> None:
    Runs(tmp_path).put("abc", {"late": 3})
    fresh = Runs(tmp_path, fresh=True)

    assert fresh.get("abc") is None
    fresh.put("abc", {"late": 4})
    assert fresh.get("abc") == {"late": 4}


def test_half_a_file_is_no_result(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.put("abc", {"late": 3})
    (file,) = tmp_path.rglob("abc.json")
    file.write_text('{"late"')

    assert runs.get("abc") is None
