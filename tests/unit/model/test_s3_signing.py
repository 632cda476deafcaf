"""Signature version 4: against Amazon's own example, and where requests go."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from minio.credentials import Credentials
from minio.signer import sign_v4_s3

from triton_operator.model.authorization import Refusal
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.network import Network
from triton_operator.model.s3_signing import S3Authorization, S3Keys, signed_headers
from triton_operator.model.s3_source import S3Source
from triton_operator.model.secret_files import SecretFiles

KEYS = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2013, 5, 24, tzinfo=UTC)
TIMEOUT = urllib3.Timeout(1)


def test_the_documented_example() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    url = "https://examplebucket.s3.amazonaws.com/?lifecycle="

    headers = signed_headers(url, KEYS, "us-east-1", AT)

    assert headers["x-amz-date"] == "20130524T000000Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    keys = S3Keys(KEYS.key_id, KEYS.secret, "token")

    headers = signed_headers("https://b.s3.amazonaws.com/k", keys, "us-east-1", AT)

    assert headers["x-amz-security-token"] == "token"
    assert "x-amz-date;x-amz-security-token," in headers["Authorization"]


def test_an_upload_is_signed_as_another_client_signs_it() -> None:
    """The reference is MinIO's client, which signs every header that it sends."""
    url = "https://b.s3.amazonaws.com/a%20b/model.onnx"
    body_sha256 = "ab" * 32
    stamp = {"x-amz-content-sha256": body_sha256, "x-amz-date": "20130524T000000Z"}
    reference = sign_v4_s3(
        method="PUT",
        url=urlsplit(url),
        region="us-east-1",
        headers=urllib3.HTTPHeaderDict({"Host": "b.s3.amazonaws.com", **stamp}),
        credentials=Credentials(KEYS.key_id, KEYS.secret),
        content_sha256=body_sha256,
        date=AT,
    )

    headers = signed_headers(url, KEYS, "us-east-1", AT, method="PUT", body_sha256=body_sha256)

    assert headers["Authorization"].replace(", ", ",") == reference["Authorization"].replace(
        ", ", ","
    )


def test_an_upload_has_the_region_that_is_known_by_now() -> None:
    authorization = S3Authorization(KEYS, None, lambda: AT)
    authorization.learns(Refusal(400, {"x-amz-bucket-region": "eu-west-3"}, b""), TIMEOUT)

    _, sent = authorization.putting("ab" * 32).authorized("https://b/k", {}, TIMEOUT)

    assert "/eu-west-3/s3/" in sent["Authorization"]
    assert sent["x-amz-content-sha256"] == "ab" * 32


@pytest.mark.parametrize(
    ("headers", "body", "learns"),
    [
        pytest.param({"x-amz-bucket-region": "eu-west-3"}, b"", True, id="header"),
        pytest.param({}, b"<Error><Region>eu-west-3</Region></Error>", True, id="body"),
        pytest.param({"x-amz-bucket-region": "us-east-1"}, b"", False, id="the same"),
        pytest.param({"x-amz-bucket-region": "x\r\ny"}, b"", False, id="no region"),
        pytest.param({}, b"", False, id="nothing"),
    ],
)
def test_a_region_is_learnt_once(headers: dict[str, str], body: bytes, learns: bool) -> None:
    authorization = S3Authorization(KEYS, None, lambda: AT)
    refusal = Refusal(400, headers, body)

    assert authorization.learns(refusal, TIMEOUT) is learns
    assert authorization.learns(refusal, TIMEOUT) is False
    _, sent = authorization.authorized("https://b.s3.amazonaws.com/k", {}, TIMEOUT)
    assert f"/{'eu-west-3' if learns else 'us-east-1'}/s3/" in sent["Authorization"]


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "root"),
    [
        ("models", None, None, "https://models.s3.amazonaws.com"),
        ("models", "eu-west-3", None, "https://models.s3.eu-west-3.amazonaws.com"),
        ("models", "cn-north-1", None, "https://models.s3.cn-north-1.amazonaws.com.cn"),
        ("a.b", "eu-west-3", None, "https://s3.eu-west-3.amazonaws.com/a.b"),
        ("Old", "eu-west-3", None, "https://s3.eu-west-3.amazonaws.com/Old"),
        ("models", None, "https://minio:9000/s3/", "https://minio:9000/s3/models"),
    ],
)
def test_where_a_bucket_answers(
    bucket: str, region: str | None, endpoint: str | None, root: str, tmp_path: Path
) -> None:
    if region is not None:
        (tmp_path / "AWS_REGION").write_text(region)
    around = Conditions(network=Network(), patience=Patience(), sleep=print, say=print)

    source = S3Source(f"s3://{bucket}/m.onnx", endpoint, SecretFiles(tmp_path), around)

    assert source.root == root
