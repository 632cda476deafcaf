"""The same model in every store: with weights beside it, under names that need quoting."""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.unit.model.building import external
from triton_operator.api.model_profile import ModelFile

FOLDER = "gefärbt/a b+c"
WEIGHTS = random.Random(4).randbytes(3 << 20)
MODEL = external("w/teil 1.bin").SerializeToString()
FILES = {f"{FOLDER}/m=1.onnx": MODEL, f"{FOLDER}/w/teil 1.bin": WEIGHTS}
"""Path → bytes."""

ROWS = [
    ModelFile(
        path=path,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        size_bytes=len(data),
    )
    for path, data in (("model.onnx", MODEL), ("w/teil 1.bin", WEIGHTS))
]


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
