"""A Triton with a model in all the ways to run it, of which those in use are loaded."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.planner.disturbance import session_of
from bench.planner.prepared import Prepared
from bench.planner.ways import Way
from e2e.harness.cpuset import confined
from e2e.harness.triton import FLAGS, running_triton
from e2e.harness.waiting import wait_until
from triton_operator.api.enums import Precision

LOAD_SECONDS = 300
START_SECONDS = 60.0


class LoadRefused(Exception):
    """Triton does not load a model; the text has its words."""


@dataclass
class Served:
    """The Triton. `cores` are those it may use, `session` is that of its processes."""

    url: str
    cores: Sequence[int]
    session: int
    _repository: Path
    _model: Prepared
    _loaded: set[str] = field(default_factory=set)

    def use(self, *ways: Way) -> bool:
        """Have exactly these loaded; whether something had to be.

        Raises:
            LoadRefused: of one of them; those before it are loaded.
        """
        wanted = {way.name for way in ways}
        if wanted == self._loaded:
            return False
        for name in sorted(self._loaded - wanted):
            self._ask(f"/v2/repository/models/{name}/unload")
            wait_until(
                f"{name} to be unloaded",
                lambda name=name: not self._is_ready(name),  # type: ignore[misc]
                timeout_seconds=LOAD_SECONDS,
            )
            self._loaded.discard(name)
        for way in ways:
            if way.name not in self._loaded:
                self._put(way)
                self._ask(f"/v2/repository/models/{way.name}/load")
                self._loaded.add(way.name)
        return True

    def _put(self, way: Way) -> None:
        folder = self._repository / way.name
        if folder.is_dir():
            return
        version = folder / "1"
        version.mkdir(parents=True)
        copied = way.precision is Precision.INT8
        source = self._model.copied if copied else self._model.file
        # As links: a model may be large, and there are many ways.
        os.symlink(source, version / "model.onnx")
        if not copied:
            for row in self._model.facts.files:
                if row.path != "model.onnx":
                    os.symlink(self._model.folder / row.path, version / row.path)
        (folder / "config.pbtxt").write_text(way.config(self._model))

    def _ask(self, path: str) -> None:
        request = urllib.request.Request(self.url + path, data=b"{}", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=LOAD_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")
            raise LoadRefused(f"Triton refuses {path}: {_words(words)}") from error

    def _is_ready(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/v2/models/{name}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False


@contextmanager
def served(model: Prepared, cores: Sequence[int], log: Path) -> Iterator[Served]:
    """A Triton on these cores, without any model at first."""
    with tempfile.TemporaryDirectory(prefix="bench-planner-") as scratch:
        repository = Path(scratch, "models")
        repository.mkdir()
        flags = [*FLAGS, "--model-control-mode=explicit"]
        with (
            confined(cores) as prefix,
            running_triton(repository, log, None, flags, confined=prefix) as url,
        ):
            wait_until("Triton to answer", lambda: _lives(url), timeout_seconds=START_SECONDS)
            session = session_of(f"--http-port={urlsplit(url).port}")
            yield Served(url, cores, session, repository, model)


def _lives(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v2/health/live", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _words(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text[:300]
