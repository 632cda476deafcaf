"""External data: what the tensors of a model take from which other files."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from onnx import TensorProto

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.external_files import ExternalFile, safe_path
from triton_operator.model.weights import declared_bytes, is_external


def external_files(tensors: Iterable[TensorProto], most_files: int) -> list[ExternalFile]:
    """Files that the tensors refer to, sorted by path.

    Raises:
        ModelRefused: `ExternalDataRefused` for a name, `NotAModel` for offsets and lengths that
            contradict the tensor, `ModelTooLarge` for more than `most_files`.
    """
    least: dict[str, int] = {}
    for tensor in tensors:
        if not is_external(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = safe_path(entries.get("location", ""))
        least[path] = max(least.get(path, 0), _end(tensor, entries))
        if len(least) > most_files:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE, f"the model has more than {most_files} external data files"
            )
    _refuse_nested(least)
    return [ExternalFile(path, least[path]) for path in sorted(least)]


def _end(tensor: TensorProto, entries: dict[str, str]) -> int:
    """Byte after the last one that the tensor takes from its file."""
    declared = declared_bytes(tensor)
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries["length"]) if entries.get("length") else declared
    except ValueError:
        offset, length = -1, None
    if declared is None or offset < 0 or length != declared:
        raise ModelRefused(
            reasons.NOT_A_MODEL,
            f"external tensor '{tensor.name}' of shape {list(tensor.dims)} does not fit its entry "
            f"(offset {entries.get('offset', '0')}, length {entries.get('length', 'absent')})",
        )
    return offset + declared


def _refuse_nested(paths: Iterable[str]) -> None:
    """`a` and `a/b` cannot both be files."""
    known = set(paths)
    for path in known:
        for parent in PurePosixPath(path).parents:
            if str(parent) in known:
                raise ModelRefused(
                    reasons.EXTERNAL_DATA_REFUSED,
                    f"external data '{parent}' cannot be a file and the folder of '{path}'",
                )
