"""How much a pod may write to its node's disk.

The kubelet evicts a pod whose volume grows past its limit, so the limits are far above what is
needed: they stop a pod that would fill the node, nothing else. No disk is set aside for them.
"""

from collections.abc import Iterable

from triton_operator.api.model_profile import ModelFacts, ModelFile

MIB = 2**20
MODEL_MARGIN_BYTES = 256 * MIB
"""For the config, and for whatever file systems add to files."""
TMP_BASE_BYTES = 1024 * MIB
UNPACKED_COPIES = 4
"""An environment of a Python model is packed in the repository, and unpacked below /tmp."""


def models_limit(facts: ModelFacts) -> str:
    """Limit of the model repository: twice its files, since each arrives under another name.

    An archive is there beside what is unpacked from it, which `size_bytes` has.
    """
    files = _bytes(facts.files)
    return _quantity(max(2 * files, files + facts.size_bytes) + MODEL_MARGIN_BYTES)


def tmp_limit(files: Iterable[ModelFile]) -> str:
    """Limit of /tmp."""
    return _quantity(UNPACKED_COPIES * _bytes(files) + TMP_BASE_BYTES)


def engines_limit(facts: ModelFacts) -> str:
    """Limit of what TensorRT compiles: an engine of each kind of instance, of about the model's
    size, and what it has found out about kernels.
    """
    return _quantity(4 * facts.size_bytes + TMP_BASE_BYTES)


def _bytes(files: Iterable[ModelFile]) -> int:
    return sum(file.size_bytes for file in files)


def _quantity(size: int) -> str:
    return f"{-(-size // MIB)}Mi"
