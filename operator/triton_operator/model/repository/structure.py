"""A repository, judged from its names and configs: what the confined parser does."""

from pathlib import Path

from google import protobuf

from triton_operator.api.conditions import shortened
from triton_operator.api.repository import ENSEMBLE
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.archive import archive_entries
from triton_operator.model.repository.code import code_in
from triton_operator.model.repository.configs import as_fact, read_configs, versions
from triton_operator.model.repository.ensembles import refuse_broken_ensembles
from triton_operator.model.repository.found import RepositoryStructure
from triton_operator.model.repository.listing import Listing, listing
from triton_operator.model.repository.onnx_files import onnx_files
from triton_operator.model.repository.tree import tree_entries

_MOST_CODE = 16
_LONGEST_CODE = 512


def read_repository(path: Path, most_bytes: int) -> RepositoryStructure:
    """Judge the repository in the folder or archive at `path`. Writes nothing.

    Raises:
        ModelRefused: it cannot be served; the reason says why, the message names the file.
    """
    limits = RepositoryLimits()
    if path.is_dir():
        return _judged(listing(tree_entries(path, limits), limits), limits)
    with archive_entries(path, limits, most_bytes) as entries:
        found = listing(entries, limits)
    return _judged(found, limits)


def _judged(found: Listing, limits: RepositoryLimits) -> RepositoryStructure:
    configs = read_configs(found, limits)
    refuse_broken_ensembles(configs, found)
    code = code_in(configs.values(), found)
    if len(code) > _MOST_CODE:
        code = [*code[: _MOST_CODE - 1], f"and {len(code) - _MOST_CODE + 1} more"]
    return RepositoryStructure(
        models=[as_fact(config) for config in configs.values()],
        code=[shortened(sentence, _LONGEST_CODE) for sentence in code],
        total_bytes=found.total_bytes,
        files=len(found.sizes),
        root=found.root,
        without_version=[
            name
            for name, config in configs.items()
            if config.backend == ENSEMBLE and not versions(name, found)
        ],
        own_metrics=[name for name, config in configs.items() if config.HasField("model_metrics")],
        onnx=onnx_files(configs, found, limits),
        tool_versions={"protobuf": protobuf.__version__},
    )
