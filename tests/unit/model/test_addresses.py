"""Addresses that no store would get as they are written are refused before anything is asked."""

from pathlib import Path

import pytest

from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import SourceRefused
from triton_operator.model.network import Network
from triton_operator.model.sources import Surroundings, source_for

SHA = "sha256:" + "0" * 64


def opened(uri: str, endpoint: str | None = None, folder: Path | None = None) -> None:
    around = Conditions(network=Network(), patience=Patience(), sleep=print, say=print)
    source_for(uri, Surroundings(conditions=around, endpoint=endpoint, credentials_dir=folder))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/a b/m.onnx",
        "s3://bucket/folder/",
        "gs://bucket/m.onnx",
        "abfs://box@account.dfs.core.windows.net/a/m.onnx",
        "abfs://box@account.blob.core.windows.net/m.onnx",
        "hf://org/repo/onnx/model.onnx@main",
        "hf://org/repo/a@b/model.onnx@0f3c",
        f"oci://registry.example:5000/team/models@{SHA}",
        f"oci://docker.io/models@{SHA}",
        "HTTPS://host/m.onnx",
    ],
)
def test_addresses_that_can_be_asked(uri: str) -> None:
    opened(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "s3://bucket//key",
        "s3://bucket/a/../b",
        "s3://bucket/./b",
        "s3://bucket/a?versionId=1",
        "s3://buc:ket/a",
        "s3://user@evil.example/a",
        "gs://bucket/a\x7fb",
        "abfs://box@Account.dfs.core.windows.net/m.onnx",
        "abfs://@account.dfs.core.windows.net/m.onnx",
        "abfs://box@account.example:99999/m.onnx",
        "hf://org/repo/m.onnx",
        "hf://org/repo@main",
        "hf://org/repo/folder/@main",
        "s3://bucket/folder//",
        "hf://org/repo/m.onnx@",
        "hf://org/repo/m.onnx@refs/pr/1",
        "hf://org/../m.onnx@main",
        "oci://registry/repo:1.0",
        "oci://registry/repo@sha256:0",
        f"oci://registry/Repo@{SHA}",
        f"oci://me:secret@registry/repo@{SHA}",
        f"oci://registry/../repo@{SHA}",
        "http://localhost/m.onnx",
        "ftp://host/m.onnx",
    ],
)
def test_addresses_that_cannot(uri: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        opened(uri)

    assert caught.value.failure.reason == "UnsupportedSource"


@pytest.mark.parametrize(
    "uri",
    [
        *(f"{scheme}://u:t0p@b/m.onnx" for scheme in ("s3", "gs", "abfs", "https", "pvc", "S3")),
        f"oci://u:t0p@r/m@{SHA}",
        f"oci://t0p@r/m@{SHA}",
        "hf://u:t0p@org/repo/m.onnx@main",
        "gs://AKIA:t0/p@b/m.onnx",
        "https://me@corp.example:t0p@host/m.onnx",
        "https://t0p@host/m.onnx",
        "https://u:t0p@host:99999/m.onnx",
        "ftp://u:t0p@host/m.onnx",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        opened(uri)

    assert caught.value.failure.reason == "UnsupportedSource"
    assert "Secret" in caught.value.failure.message
    assert "t0" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "endpoint"),
    [
        ("s3://bucket/m.onnx", "http://minio:9000"),
        ("s3://bucket/m.onnx", "http://localhost:9000"),
        ("s3://bucket/m.onnx", "https://me:t0p@minio"),
        ("s3://bucket/m.onnx", "https://minio?x=1"),
        ("https://host/m.onnx", "https://minio"),
        (f"oci://registry/repo@{SHA}", "https://other"),
    ],
)
def test_endpoints_that_cannot(uri: str, endpoint: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        opened(uri, endpoint)

    assert caught.value.failure.reason == "UnsupportedSource"
    assert "t0p" not in caught.value.failure.message


@pytest.mark.parametrize(
    ("uri", "values", "key"),
    [
        ("s3://b/k", {"AWS_ACCESS_KEY_ID": "AKIA"}, "AWS_SECRET_ACCESS_KEY"),
        ("s3://b/k", {"AWS_SECRET_ACCESS_KEY": "t0p"}, "AWS_ACCESS_KEY_ID"),
        ("abfs://box/m", {}, "AZURE_STORAGE_ACCOUNT_NAME"),
        ("abfs://c@a12.x/m", {"AZURE_STORAGE_ACCOUNT_KEY": "t0p!"}, "AZURE_STORAGE_ACCOUNT_KEY"),
        ("abfs://c@a12.x/m", {"AZURE_STORAGE_SAS_TOKEN": "t0p"}, "AZURE_STORAGE_SAS_TOKEN"),
        ("abfs://c@a12.x/m", {"AZURE_STORAGE_SAS_TOKEN": "sig=a#t0p"}, "AZURE_STORAGE_SAS_TOKEN"),
        ("hf://o/r/m@main", {"HF_TOKEN": "t0p secret"}, "HF_TOKEN"),
        ("gs://b/k", {"service-account.json": "t0p"}, "service-account.json"),
        ("gs://b/k", {"service-account.json": '{"type": "t0p"}'}, "service-account.json"),
        (
            "gs://b/k",
            {
                "service-account.json": '{"type": "service_account", "client_email": "a", '
                '"private_key": "t0p"}'
            },
            "private_key",
        ),
        (
            "gs://b/k",
            {
                "service-account.json": '{"type": "service_account", "client_email": "a", '
                '"private_key": "t0p", "token_uri": "http://t0p"}'
            },
            "token_uri",
        ),
        (f"oci://r/m@{SHA}", {".dockerconfigjson": '{"auths": "t0p"}'}, ".dockerconfigjson"),
        (
            f"oci://r/m@{SHA}",
            {".dockerconfigjson": '{"auths": {"r": {"auth": "t0p"}}}'},
            ".dockerconfigjson",
        ),
        (f"oci://r/m@{SHA}", {"username": "me"}, "password"),
    ],
)
def test_unusable_credentials_are_named_but_not_shown(
    uri: str, values: dict[str, str], key: str, tmp_path: Path
) -> None:
    for name, text in values.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(SourceRefused) as caught:
        opened(uri, None, tmp_path)

    assert caught.value.failure.reason == "CredentialsInvalid"
    assert key in caught.value.failure.message
    assert "t0p" not in str(caught.value)
