"""Where a converted copy is in a store of copies.

An address is a function of the copy alone, so that whoever knows what was compared knows where to
look, and nobody has to write it down. What is said here must not change: pods look where other
versions have put copies.
"""

import hashlib
import json
from collections.abc import Sequence

from triton_operator.api.model_profile import ModelFile

MAIN_FILE = "model.onnx"
"""Every copy is an ONNX model, and its model file has the name that Triton gives it."""
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
TITLE = "org.opencontainers.image.title"
"""The annotation that names a layer's file, as `oras push` writes it."""
EMPTY_CONFIG = b"{}"
"""What an artifact without a configuration has as one (OCI image specification 1.1)."""
_ARTIFACT_TYPE = "application/vnd.triton-operator.copy.v1"
_FILE_TYPE = "application/octet-stream"


def copy_uri(store: str, digest: str, files: Sequence[ModelFile]) -> str:
    """The address of one copy's model file in the store at `store`, as models have addresses.

    In a registry it has the digest of a manifest that follows from the files.
    """
    if store.startswith("s3://"):
        return f"{store.rstrip('/')}/{digest.removeprefix('sha256:')}/{MAIN_FILE}"
    manifest = copy_manifest(files)
    return f"{store}@sha256:{hashlib.sha256(manifest).hexdigest()}"


def copy_tag(digest: str) -> str:
    """The tag of a copy in a registry, for people, and so that no registry takes it for waste."""
    return f"copy-{digest.removeprefix('sha256:')}"


def copy_manifest(files: Sequence[ModelFile]) -> bytes:
    """The manifest of a copy in a registry: the same bytes for the same files, first the model's.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
    """
    first, *others = files
    titled = [(MAIN_FILE, first), *((row.path, row) for row in others)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": _ARTIFACT_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": f"sha256:{hashlib.sha256(EMPTY_CONFIG).hexdigest()}",
            "size": len(EMPTY_CONFIG),
        },
        "layers": [
            {
                "mediaType": _FILE_TYPE,
                "digest": row.digest,
                "size": row.size_bytes,
                "annotations": {TITLE: title},
            }
            for title, row in titled
        ],
    }
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
