"""Put the copy that a Job has compared into the store that its service names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triton_operator.api.copy_address import MAIN_FILE, copy_uri
from triton_operator.model import reasons
from triton_operator.model.addresses import refuse_credentials
from triton_operator.model.copies.oci_upload import OciCopyUpload
from triton_operator.model.copies.s3_upload import S3CopyUpload
from triton_operator.model.copies.upload import CopyFiles, CopyUpload
from triton_operator.model.digest import file_row, model_digest
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import ModelRefused, WorkFailed
from triton_operator.model.external_files import safe_path
from triton_operator.model.receiving import Deadline
from triton_operator.model.secret_files import SecretFiles

PATIENCE = Patience(connect_seconds=10, read_seconds=120, attempts=4)
"""No pod waits for an upload, and a store may hash a large file before it answers."""
MOST_FILES = 8
"""As a row of a ModelProfile has at most."""


@dataclass(frozen=True, kw_only=True)
class Putting:
    """The copy in `folder`, and where it goes; `store` is `spec.precision.store.uri`."""

    folder: Path
    store: str
    endpoint: str | None
    secret: SecretFiles
    around: Conditions
    deadline: Deadline


def put_copy(job: Putting) -> bool:
    """Put the copy there, under an address that follows from its digest; False: there is none.

    Raises:
        SourceRefused, SourceUnavailable: the store does not take it, for good or for now; its
            address is none, or has credentials in it.
        ModelRefused: `ExternalDataRefused`, a file has a name that no copy has; `ModelTooLarge`,
            there are more files than a copy has.
        WorkFailed: `WriteFailed`, it cannot be read.
    """
    refuse_credentials(job.store)
    files = copy_files(job.folder)
    if not files:
        job.around.say("there is no copy to keep")
        return False
    rows = [row for _, row in files]
    digest = model_digest(rows)
    job.around.say(f"the copy is {digest}")
    uri = copy_uri(job.store, digest, rows)
    _upload_to(uri, job).put(files)
    return True


def copy_files(folder: Path) -> CopyFiles:
    """What is in `folder`, hashed: nobody's word is taken for it. Empty: no model file.

    Raises:
        as `put_copy`.
    """
    try:
        found = {
            entry.name: entry
            for entry in sorted(folder.iterdir())
            if entry.is_file() and not entry.is_symlink()
        }
        main = found.pop(MAIN_FILE, None)
        if main is None:
            return ()
        if len(found) >= MOST_FILES:
            raise ModelRefused(
                reasons.MODEL_TOO_LARGE, f"the copy has more files than {MOST_FILES}"
            )
        named = [(MAIN_FILE, main), *((safe_path(name), file) for name, file in found.items())]
        return [(file, file_row(file, name)) for name, file in named]
    except OSError as error:
        raise WorkFailed(
            reasons.WRITE_FAILED, f"{folder} cannot be read: {error.strerror}", retryable=True
        ) from error


def _upload_to(uri: str, job: Putting) -> CopyUpload:
    openers: dict[str, Callable[[], CopyUpload]] = {
        "s3": lambda: S3CopyUpload(uri, job.endpoint, job.secret, job.around, job.deadline),
        "oci": lambda: OciCopyUpload(uri, job.secret, job.around, job.deadline),
    }
    scheme = uri.partition("://")[0]
    if scheme not in openers:
        raise WorkFailed(reasons.INVALID_ARGUMENTS, f"copies cannot be kept in {scheme}://")
    return openers[scheme]()
