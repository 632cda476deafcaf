"""`spec.model.samples` on its way into a pod: as a model, but nobody knows its digest before."""

from pathlib import Path

import pytest

from triton_operator.api.inspection import decode_report
from triton_operator.model.__main__ import main
from triton_operator.model.job_process import DONE, PERMANENT

CONTENT = b"PK\x03\x04 rows"


def fetch(folder: Path, uri: str, *more: str) -> int:
    (folder / "report").write_text("")
    return main(
        [
            "samples",
            f"--uri={uri}",
            f"--source-dir={folder / 'claim'}",
            f"--into={folder / 'samples/rows.npz'}",
            f"--report={folder / 'report'}",
            *more,
        ]
    )


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim/rows.npz").write_bytes(CONTENT)
    return tmp_path


def test_it_arrives_also_when_the_container_is_restarted(claim: Path) -> None:
    for _ in range(2):
        assert fetch(claim, "pvc://data/rows.npz") == DONE
        assert (claim / "samples/rows.npz").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("uri", "more", "reason"),
    [
        ("pvc://data/none.npz", (), "SourceNotFound"),
        ("file:///etc/passwd", (), "UnsupportedSource"),
        ("pvc://data/rows.npz", ("--max-bytes=3",), "ModelTooLarge"),
    ],
)
def test_what_is_wrong_names_the_field(
    claim: Path, uri: str, more: tuple[str, ...], reason: str
) -> None:
    assert fetch(claim, uri, *more) == PERMANENT
    failure = decode_report((claim / "report").read_text()).failure

    assert failure is not None
    assert failure.reason == reason
    assert failure.message.startswith("spec.model.samples: ")
