"""OpenVINO's .xml: whether it is one, and how much of its .bin it reads.

No document type is taken: entities, which may multiply or read files, come with one.
"""

from pathlib import Path
from xml.parsers import expat

from triton_operator.api.fields import ApiModel
from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused

_MOST_ELEMENTS = 5_000_000
_DEEPEST = 128


class IrStructure(ApiModel):
    """`weight_bytes` of the .bin are used."""

    weight_bytes: int


def read_ir(path: Path) -> IrStructure:
    """Read the file from start to end; nothing of it is kept.

    Raises:
        ModelRefused: `NotAModel`.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise _refused(f"it is no complete XML: {error}") from error
    return IrStructure(weight_bytes=reader.weight_bytes)


class _Reader:
    def __init__(self) -> None:
        self.weight_bytes = 0
        self._elements = 0
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements == 1 and name != "net":
            raise _refused(f"its first element is '{name[:40]}' and not 'net'")
        if self._elements > _MOST_ELEMENTS or self._depth > _DEEPEST:
            raise _refused(
                f"it has more than {_MOST_ELEMENTS:,} elements, or more than {_DEEPEST} nested"
            )
        if name == "data" and "offset" in attributes and "size" in attributes:
            try:
                end = int(attributes["offset"]) + int(attributes["size"])
            except ValueError as error:
                raise _refused("a constant has an offset or size that is no number") from error
            self.weight_bytes = max(self.weight_bytes, end)

    def end(self, _name: str) -> None:
        self._depth -= 1

    def doctype(self, *_about: object) -> None:
        raise _refused("it has a document type, which a model never needs")


def _refused(what: str) -> ModelRefused:
    return ModelRefused(reasons.NOT_A_MODEL, f"the file is no OpenVINO model: {what}")
