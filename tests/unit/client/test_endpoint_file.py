"""A file of endpoints that somebody else replaces, as the kubelet does with a ConfigMap."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from e2e.harness.paths import REPOSITORY
from triton_operator.client.endpoint_file import LARGEST_FILE, EndpointFile
from triton_operator.client.errors import BadEndpoints


def text(*clusters: str) -> str:
    rows: list[dict[str, Any]] = [
        {"cluster": one, "protocol": "HTTP", "url": f"http://{one}:8000"} for one in clusters
    ]
    return json.dumps({"endpoints": rows})


class Mounted:
    """A file behind two links, all of it replaced at once."""

    def __init__(self, folder: Path, content: str) -> None:
        self.folder = folder
        self.path = folder / "endpoints.json"
        self.versions = 0
        self.put(content)
        self.path.symlink_to(Path("..data") / "endpoints.json")
        self.now = 0.0

    def put(self, content: str) -> None:
        self.versions += 1
        version = self.folder / f"..version{self.versions}"
        version.mkdir()
        (version / "endpoints.json").write_text(content)
        (self.folder / "..new").symlink_to(version.name)
        os.replace(self.folder / "..new", self.folder / "..data")

    def look(self, file: EndpointFile, seconds: float = 2.0) -> list[str]:
        self.now += seconds
        file.look()
        return [one.cluster for one in file.endpoints]


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path, text("a"))


@pytest.fixture
def file(mounted: Mounted) -> EndpointFile:
    return EndpointFile(mounted.path, lambda: mounted.now)


def test_it_is_read_again_when_it_was_replaced(mounted: Mounted, file: EndpointFile) -> None:
    assert mounted.look(file) == ["a"]
    mounted.put(text("a", "b"))
    assert mounted.look(file, 0.5) == ["a"], "it is not looked at all the time"
    assert mounted.look(file, 0.5) == ["a", "b"]


def test_it_says_whether_something_changed(mounted: Mounted, file: EndpointFile) -> None:
    mounted.now += 2
    assert not file.look()
    mounted.put(text("a"))
    mounted.now += 2
    assert not file.look(), "another file, and the same endpoints"
    mounted.put(text("b"))
    mounted.now += 2
    assert file.look()


@pytest.mark.parametrize("content", ["", "{", text(), text("Not A Name"), "x" * (LARGEST_FILE + 1)])
def test_a_bad_one_does_not_take_away_what_serves(
    mounted: Mounted, file: EndpointFile, content: str
) -> None:
    mounted.put(content)
    assert mounted.look(file) == ["a"]
    assert file.problem.startswith(str(mounted.path))
    assert mounted.look(file) == ["a"]
    assert file.problem, "until there is a better one"

    mounted.put(text("b"))
    assert mounted.look(file) == ["b"]
    assert file.problem == ""


def test_one_that_is_gone_and_comes_back(mounted: Mounted, file: EndpointFile) -> None:
    moved = mounted.path.rename(mounted.folder / "elsewhere")
    assert mounted.look(file) == ["a"]
    assert "No such file" in file.problem
    moved.rename(mounted.path)
    assert mounted.look(file) == ["a"]
    assert file.problem == ""


def test_at_the_beginning_there_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadEndpoints, match=r"gone\.json: No such file"):
        EndpointFile(tmp_path / "gone.json", lambda: 0.0)
    (tmp_path / "bad.json").write_text('{"endpoints": [{"cluster": "a", "protocol": "HTTP"}]}')
    with pytest.raises(BadEndpoints, match=r"bad\.json: endpoints\[0\]\.url: Field required"):
        EndpointFile(tmp_path / "bad.json", lambda: 0.0)


def test_the_example_is_one() -> None:
    file = EndpointFile(REPOSITORY / "examples" / "fleet" / "endpoints.json", lambda: 0.0)

    assert [one.local for one in file.endpoints] == [True, False]
    assert sum(one.weight_percent for one in file.endpoints) == 100
