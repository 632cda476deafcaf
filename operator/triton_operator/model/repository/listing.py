"""What a repository holds, short of its weights: names, sizes, first bytes, and every config."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from triton_operator.model import reasons
from triton_operator.model.errors import ModelRefused
from triton_operator.model.limits import RepositoryLimits
from triton_operator.model.repository.entry import CONFIG_NAME, HEAD_BYTES, Entry
from triton_operator.model.repository.paths import refuse_clashes


@dataclass
class Listing:
    """Paths are relative to the repository's root, which is `root` inside the archive."""

    sizes: dict[str, int] = field(default_factory=dict)
    """By path of a file."""
    heads: dict[str, bytes] = field(default_factory=dict)
    configs: dict[str, bytes] = field(default_factory=dict)
    """By name of the model."""
    folders: set[str] = field(default_factory=set)
    root: str = ""

    @property
    def total_bytes(self) -> int:
        """Of all files, unpacked."""
        return sum(self.sizes.values())


def listing(entries: Iterable[Entry], limits: RepositoryLimits) -> Listing:
    """Read every entry's first bytes, and the configs whole.

    An archive may have everything in one folder, as `tar -c my_repository` makes it; the
    repository is then what is inside.

    Raises:
        ModelRefused: `RepositoryRefused` for clashing names, or a config that is too large.
    """
    raw = Listing()
    configs: dict[str, bytes] = {}
    left = limits.configs_bytes
    for entry in entries:
        if entry.is_folder:
            raw.folders.add(entry.path.removesuffix("/"))
            continue
        if entry.path in raw.sizes:
            refuse_clashes([entry.path, entry.path])
        wanted = HEAD_BYTES
        if PurePosixPath(entry.path).name == CONFIG_NAME:
            wanted = entry.size
            left -= wanted
            if wanted > limits.config_bytes or left < 0:
                raise ModelRefused(
                    reasons.REPOSITORY_REFUSED,
                    f"'{entry.path}' has {wanted} bytes; at most {limits.config_bytes} are read, "
                    f"and {limits.configs_bytes} of all config.pbtxt together",
                )
        begins = _first(entry, wanted)
        raw.sizes[entry.path] = entry.size
        raw.heads[entry.path] = begins[:HEAD_BYTES]
        if wanted is not HEAD_BYTES:
            configs[entry.path] = begins
    refuse_clashes(raw.sizes)
    for path in raw.sizes:
        raw.folders.update(str(parent) for parent in PurePosixPath(path).parents if parent.name)
    return _rooted(raw, configs)


def _first(entry: Entry, wanted: int) -> bytes:
    """The first bytes; what follows is passed over by the archive's reader."""
    begins = b""
    if wanted:
        for chunk in entry.chunks():
            begins += chunk[: wanted - len(begins)]
            if len(begins) >= wanted:
                break
    return begins


def _rooted(raw: Listing, configs: dict[str, bytes]) -> Listing:
    tops = {PurePosixPath(path).parts[0] for path in (*raw.sizes, *raw.folders)}
    top = next(iter(tops)) if len(tops) == 1 else ""
    wrapped = top in raw.folders and not any(
        PurePosixPath(path).parts == (top, CONFIG_NAME) for path in configs
    )
    prefix = f"{top}/" if wrapped else ""

    def inside(path: str) -> str:
        return path.removeprefix(prefix)

    return Listing(
        sizes={inside(path): size for path, size in raw.sizes.items()},
        heads={inside(path): head for path, head in raw.heads.items()},
        configs={
            PurePosixPath(inside(path)).parts[0]: text
            for path, text in configs.items()
            if len(PurePosixPath(inside(path)).parts) == 2
        },
        folders={inside(path) for path in raw.folders if path != top or not wrapped},
        root=top if wrapped else "",
    )
