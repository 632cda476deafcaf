"""The same model in every store: with weights beside it, under names that need quoting."""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.unit.model.building import external
from tests.unit.model.repository_building import data_only
from triton_operator.api.model_profile import ModelFile

FOLDER = "gefärbt/a b+c"
WEIGHTS = random.Random(4).randbytes(3 << 20)
MODEL = external("w/teil 1.bin").SerializeToString()
FILES = {f"{FOLDER}/m=1.onnx": MODEL, f"{FOLDER}/w/teil 1.bin": WEIGHTS}
"""Path → bytes."""
REPOSITORY = "gefärbt/r+p s"
REPOSITORY_FILES = {
    **data_only(),
    "classifier/1/model.onnx": external("w/teil 1.bin").SerializeToString(),
    "classifier/1/w/teil 1.bin": WEIGHTS,
}
"""A model repository in a folder; path in it → bytes."""

ROWS = [
    ModelFile(
        path=path,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        size_bytes=len(data),
    )
    for path, data in (("model.onnx", MODEL), ("w/teil 1.bin", WEIGHTS))
]


def stock() -> dict[str, bytes]:
    """Everything that a store with folders holds, by key."""
    folder = {f"{REPOSITORY}/{path}": data for path, data in REPOSITORY_FILES.items()}
    return {**FILES, **folder}


@dataclass(frozen=True)
class Stocked:
    """A running store that holds FILES and lets only `secret` in.

    `uri` and `endpoint` take the HOST:PORT under which it is to be reached.
    """

    address: str
    uri: Callable[[str], str]
    missing: Callable[[str], str]
    endpoint: Callable[[str], str | None]
    secret: Mapping[str, str]
    wrong: Mapping[str, str]
    """Credentials that the store does not take."""
    word: str | None
    """Its own word for a file that is not there."""

    @property
    def target(self) -> tuple[str, int]:
        host, _, port = self.address.partition(":")
        return host, int(port)
