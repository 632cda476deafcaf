from pathlib import Path

import pytest

from bench.planner.pauses import PauseFile, paused_seconds, reader


@pytest.mark.parametrize(
    ("pauses", "seconds"),
    [
        ([], 0.0),
        ([(12.0, 13.0)], 1.0),
        ([(9.0, 11.0), (19.0, 22.0)], 2.0),  # only what lies within
        ([(8.0, 9.0), (21.0, 22.0)], 0.0),
        ([(12.0, 15.0), (13.0, 14.0)], 3.0),  # two cores at once count once
        ([(12.0, 14.0), (13.0, 15.0)], 3.0),
        ([(13.0, 15.0), (12.0, 14.0), (16.0, 17.0)], 4.0),
    ],
)
def test_seconds_in_which_a_core_stood_still(
    pauses: list[tuple[float, float]], seconds: float
) -> None:
    assert paused_seconds(pauses, 10.0, 20.0) == seconds


def test_what_one_writes_others_read_while_it_writes(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        PauseFile.create(path)
    paused, writers = reader(paths), [PauseFile(path) for path in paths]

    assert paused(0.0, 100.0) == 0
    writers[0].add((10.0, 11.0))
    writers[1].add((10.5, 12.0))
    assert paused(0.0, 100.0) == 2
    writers[0].add((20.0, 23.0))
    assert paused(0.0, 100.0) == 5
    assert paused(11.5, 21.0) == 1.5


def test_a_full_file_keeps_the_newest(tmp_path: Path) -> None:
    PauseFile.create(tmp_path / "a")
    writer, paused = PauseFile(tmp_path / "a"), reader([tmp_path / "a"])
    for second in range(40_000):
        writer.add((float(second), second + 0.25))

    assert paused(39_990.0, 50_000.0) == 2.5
    # Of those that are gone nothing is told, and nothing wrong.
    assert paused(0.0, 50_000.0) == pytest.approx(0.25 * 2**15, abs=1)
