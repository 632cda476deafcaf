"""Where a copy is in a store: pods of another version look in the same place."""

import hashlib
import json

from triton_operator.api.copy_address import copy_manifest, copy_tag, copy_uri
from triton_operator.api.model_profile import ModelFile

DIGEST = "sha256:" + "cd" * 32
FILES = [
    ModelFile(path="model.onnx", digest="sha256:" + "ab" * 32, size_bytes=7),
    ModelFile(path="weights-0123456789abcdef.bin", digest="sha256:" + "12" * 32, size_bytes=9),
]


def test_a_bucket_has_a_folder_for_each_copy() -> None:
    wanted = f"s3://copies/a/{'cd' * 32}/model.onnx"

    assert copy_uri("s3://copies/a", DIGEST, FILES) == wanted
    assert copy_uri("s3://copies/a/", DIGEST, FILES) == wanted
    assert copy_uri("s3://copies", DIGEST, FILES) == f"s3://copies/{'cd' * 32}/model.onnx"


def test_a_registry_has_a_manifest_that_follows_from_the_files() -> None:
    """Its digest is spelled out: another one, and no copy that is stored would be found again."""
    uri = copy_uri("oci://r:5000/a/b", DIGEST, FILES)

    assert uri == (
        "oci://r:5000/a/b@sha256:b48ab2cb1bc99a564b7c84e83b948cc806737925f5482e8430a51fedfc2e19db"
    )
    assert uri.endswith(hashlib.sha256(copy_manifest(FILES)).hexdigest())
    assert copy_tag(DIGEST) == f"copy-{'cd' * 32}"


def test_the_manifest_names_each_file() -> None:
    layers = json.loads(copy_manifest(FILES))["layers"]

    assert [
        (one["annotations"]["org.opencontainers.image.title"], one["digest"], one["size"])
        for one in layers
    ] == [(row.path, row.digest, row.size_bytes) for row in FILES]


def test_what_the_model_file_is_called_in_a_profile_does_not_matter() -> None:
    renamed = [FILES[0].model_copy(update={"path": "small.onnx"}), FILES[1]]

    assert copy_manifest(renamed) == copy_manifest(FILES)
