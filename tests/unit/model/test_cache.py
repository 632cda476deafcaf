"""The cache by digest: it saves a fetch, and nothing depends on it or believes it."""

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from triton_operator.api.model_profile import ModelFile
from triton_operator.model.cache import DigestCache
from triton_operator.model.digest import model_digest
from triton_operator.model.errors import ModelFailure, SourceUnavailable
from triton_operator.model.fetch import Transfer, fetch_files
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver

MODEL, WEIGHTS = b"model" * 1000, os.urandom(2_500_000)


def row(path: str, data: bytes) -> ModelFile:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return ModelFile(path=path, digest=digest, size_bytes=len(data))


ROWS = [row("model.onnx", MODEL), row("w/1.bin", WEIGHTS)]


class Network:
    """A source that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.reads: list[str | None] = []

    def read(self, path: str | None, into: Receiver) -> None:
        if self.away:
            raise SourceUnavailable("SourceUnavailable", "away")
        self.reads.append(path)
        into.write(MODEL if path is None else WEIGHTS)


class Site:
    """A network, a cache, and pods that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.network = Network()
        self.lines: list[str] = []
        self.seconds = 60.0

    def pod(self, name: str) -> Path:
        """The model's folder in a new pod, after the fetch."""
        clock: Callable[[], float] = time.monotonic
        transfer = Transfer(
            source=self.network,
            deadline=Deadline.after(self.seconds, clock),
            progress=Progress(say=self.lines.append, clock=clock),
            max_bytes=1 << 30,
            cache=DigestCache(self.cache, self.lines.append),
        )
        into = self.folder / name
        fetch_files(transfer, ROWS, model_digest(ROWS), into)
        assert (into / "model.onnx").read_bytes() == MODEL
        assert (into / "w/1.bin").read_bytes() == WEIGHTS
        return into

    def kept(self) -> Path:
        return self.cache / "sha256" / ROWS[1].digest.removeprefix("sha256:")

    def names(self) -> list[str]:
        return sorted(os.listdir(self.cache / "sha256"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


WHOLE = sorted(each.digest.removeprefix("sha256:") for each in ROWS)


def test_the_second_pod_needs_no_network(site: Site) -> None:
    site.pod("first")
    site.network.away = True
    site.pod("second")

    assert site.names() == WHOLE
    assert site.network.reads == [None, "w/1.bin"]


def spoiled(file: Path) -> None:
    file.write_bytes(WEIGHTS[::-1])


def cut(file: Path) -> None:
    file.write_bytes(WEIGHTS[:1000])


def grown(file: Path) -> None:
    file.write_bytes(WEIGHTS + b"!")


@pytest.mark.parametrize("harm", [spoiled, cut, grown])
def test_a_file_that_is_not_its_digest_is_replaced(
    site: Site, harm: Callable[[Path], None]
) -> None:
    site.pod("first")
    harm(site.kept())
    site.pod("second")

    assert site.kept().read_bytes() == WEIGHTS
    assert any("thrown away" in line for line in site.lines)
    assert site.network.reads == [None, "w/1.bin", "w/1.bin"]


def linked(file: Path) -> None:
    (file.parent / "elsewhere").write_bytes(WEIGHTS)
    file.symlink_to("elsewhere")


def piped(file: Path) -> None:
    os.mkfifo(file)


@pytest.mark.parametrize("harm", [linked, piped, Path.mkdir])
def test_what_is_no_plain_file_is_not_read(site: Site, harm: Callable[[Path], None]) -> None:
    site.pod("first")
    site.kept().unlink()
    harm(site.kept())
    site.pod("second")

    assert site.network.reads == [None, "w/1.bin", "w/1.bin"]


def no_folder(cache: Path) -> None:
    cache.rmdir()


def a_file(cache: Path) -> None:
    (cache / "sha256").write_text("")


@pytest.mark.parametrize("harm", [no_folder, a_file])
def test_a_cache_that_cannot_be_written_is_a_note(site: Site, harm: Callable[[Path], None]) -> None:
    harm(site.cache)
    site.pod("first")

    assert sum("is not kept" in line for line in site.lines) == 2


def test_keeping_ends_with_the_time_that_a_fetch_has(site: Site) -> None:
    site.pod("first")
    arrived = site.folder / "first" / "w/1.bin"
    site.kept().unlink()
    deadline = Deadline.after(0, time.monotonic)

    DigestCache(site.cache, site.lines.append).keep(ROWS[1], arrived, deadline)

    assert site.names() == [ROWS[0].digest.removeprefix("sha256:")]
    assert any("no time is left" in line for line in site.lines)


def test_many_pods_at_once(site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(site.pod, f"pod-{number}") for number in range(24)]:
            done.result()

    assert site.names() == WHOLE
    assert not any("thrown away" in line for line in site.lines)


def test_what_a_killed_pod_left_is_removed_after_a_day(site: Site) -> None:
    folder = site.cache / "sha256"
    folder.mkdir()
    old, new = folder / ".arriving-old", folder / ".arriving-new"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, time.time() - 25 * 3600))
    site.pod("first")

    assert not old.exists()
    assert new.exists()


def test_a_failure_of_the_source_keeps_nothing(site: Site) -> None:
    site.network.away = True
    with pytest.raises(ModelFailure):
        site.pod("first")

    assert not list(site.cache.rglob("*"))
