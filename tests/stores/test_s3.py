"""What only S3 has: keys for a limited time, regions, public buckets."""

import io
import json
from collections.abc import Callable, Mapping

import pytest
from minio import Minio
from minio.credentials import AssumeRoleProvider

from tests.stores.command import Command
from tests.stores.s3_store import PASSWORD, REGION, USER
from tests.stores.stocked import MODEL, ROWS, Stocked
from triton_operator.model.digest import model_digest

NewPod = Callable[[Mapping[str, str], str], Command]


def test_keys_for_a_limited_time_need_their_token(s3: Stocked, pod: NewPod) -> None:
    provider = AssumeRoleProvider(
        sts_endpoint=f"http://{s3.address}", access_key=USER, secret_key=PASSWORD, region=REGION
    )
    temporary = provider.retrieve()
    secret = {
        "AWS_ACCESS_KEY_ID": temporary.access_key,
        "AWS_SECRET_ACCESS_KEY": temporary.secret_key,
        "AWS_SESSION_TOKEN": temporary.session_token,
    }
    command = pod(secret, s3.address)
    uri, endpoint = s3.uri(s3.address), s3.endpoint(s3.address)

    assert command.inspect(uri, endpoint).digest == model_digest(ROWS)

    (command.credentials / "AWS_SESSION_TOKEN").unlink()
    assert command.failure(uri, endpoint)[0] == "SourceForbidden"


@pytest.mark.parametrize("region", [REGION, "us-west-2"])
def test_the_store_knows_its_region_better(s3: Stocked, pod: NewPod, region: str) -> None:
    command = pod({**s3.secret, "AWS_REGION": region}, s3.address)

    assert command.inspect(s3.uri(s3.address), s3.endpoint(s3.address)).failure is None


def test_a_public_bucket_needs_no_secret(s3: Stocked, pod: NewPod) -> None:
    client = Minio(s3.address, USER, PASSWORD, secure=False, region=REGION)
    client.make_bucket("public")
    everybody = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::public/*"],
    }
    client.set_bucket_policy(
        "public", json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    )
    client.put_object("public", "m.onnx", io.BytesIO(MODEL), len(MODEL))
    command = pod({}, s3.address)

    # Its weights are not there; that it gets to ask for them is enough.
    reason, message, _ = command.failure("s3://public/m.onnx", s3.endpoint(s3.address))
    assert reason in ("SourceNotFound", "SourceForbidden")
    assert "teil%201.bin" in message
