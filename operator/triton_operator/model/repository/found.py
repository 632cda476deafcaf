"""What a repository is, as a value that crosses from the confined parser."""

from pydantic import Field

from triton_operator.api.fields import ApiModel
from triton_operator.api.repository import RepositoryModel


class RepositoryStructure(ApiModel):
    """The models of a repository, and what the parent process has to know to unpack it."""

    models: list[RepositoryModel]
    code: list[str]
    total_bytes: int
    files: int
    root: str
    """The one folder of an archive that has the repository in it; empty: its top."""
    without_version: list[str] = Field(default_factory=list)
    """Ensembles that lack the empty version folder that Triton wants."""
    tool_versions: dict[str, str]
