"""What is signed is what is sent: asked of a real server, however an address is spelled."""

import base64
import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from minio.credentials import Credentials
from minio.signer import sign_v4_s3

from tests.unit.model.connect_proxy import ConnectProxy
from tests.unit.model.store import Store, status, whole
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.network import reached_network
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver
from triton_operator.model.sent_address import SentAddress, sent_address
from triton_operator.model.sources import Surroundings, source_for

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
KEY, SECRET = "AKIATEST", "not-a-real-key"
ACCOUNT_KEY = base64.b64encode(b"not a real key").decode()


@pytest.mark.parametrize(
    ("url", "host", "path", "query"),
    [
        pytest.param("https://minio/a", "minio", "/a", "", id="as it is"),
        pytest.param("https://minio:443/a", "minio", "/a", "", id="the port of https"),
        pytest.param("https://minio:0443/a", "minio", "/a", "", id="with a zero"),
        pytest.param("https://minio:80/a", "minio:80", "/a", "", id="the port of another scheme"),
        pytest.param("http://localhost:80/a", "localhost", "/a", "", id="the port of http"),
        pytest.param("https://minio:9000/a", "minio:9000", "/a", "", id="another port"),
        pytest.param("https://MinIO.Example:9000/A", "minio.example:9000", "/A", "", id="capitals"),
        pytest.param("https://minio.:443/a", "minio", "/a", "", id="a dot at the end"),
        pytest.param("https://[FD00::1]:443/a", "[fd00::1]", "/a", "", id="IPv6"),
        pytest.param("https://minio:443", "minio", "/", "", id="no path"),
        pytest.param("https://minio/a/../b%2fc", "minio", "/b%2Fc", "", id="dots in the path"),
        pytest.param("https://minio/a?b=c&d=", "minio", "/a", "b=c&d=", id="a query"),
    ],
)
def test_what_is_sent_for_an_address(url: str, host: str, path: str, query: str) -> None:
    assert sent_address(url) == SentAddress(host, path, query)


@pytest.fixture
def proxy(store: Store) -> Iterator[ConnectProxy]:
    """Has the store behind the port that no test may listen on."""
    one = ConnectProxy()
    one.routes["localhost:443"] = ("127.0.0.1", store.server_port)
    yield one
    one.close()


Read = Callable[[str, str | None, Mapping[str, str]], None]


@pytest.fixture
def read(proxy: ConnectProxy, credentials_dir: Path) -> Read:
    """Reads a model as a pod does, whose Secret has the given values."""

    def one(uri: str, endpoint: str | None, secret: Mapping[str, str]) -> None:
        for key, text in secret.items():
            (credentials_dir / key).write_text(text)
        around = Conditions(
            network=reached_network(
                credentials_dir=credentials_dir, environment={"HTTPS_PROXY": proxy.url}
            ),
            patience=Patience(attempts=1),
            sleep=print,
            say=print,
            now=lambda: AT,
        )
        source = source_for(
            uri,
            Surroundings(conditions=around, endpoint=endpoint, credentials_dir=credentials_dir),
        )
        source.read(
            None,
            Receiver(
                "m",
                None,
                most_bytes=100,
                deadline=Deadline.after(60, lambda: 0),
                progress=Progress(say=print, clock=lambda: 0),
            ),
        )

    return one


class Spelled(NamedTuple):
    endpoint: str
    """PORT is the store's own."""
    path: str
    """Before the bucket, as it arrives."""
    why: str


SPELLINGS = [
    Spelled("https://localhost:PORT", "", "as it is"),
    Spelled("https://LocalHost:PORT", "", "capitals"),
    Spelled("https://localhost:443", "", "the port of https"),
    Spelled("https://LOCALHOST:443/", "", "both"),
    Spelled("https://localhost:443/Gate/./s3/", "/Gate/s3", "a path with a dot"),
]


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.why)
def test_the_signature_for_s3_is_about_the_request_that_arrives(
    row: Spelled, store: Store, read: Read
) -> None:
    path = f"{row.path}/models/a%20b/m%3D1.onnx"
    store.answers[path] = [whole(b"model")]
    secret = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    read("s3://models/a b/m=1.onnx", row.endpoint.replace("PORT", str(store.server_port)), secret)

    (arrived, headers), *others = store.requests
    assert not others
    assert arrived == path
    signed = {name: headers[name] for name in ("Host", "x-amz-content-sha256", "x-amz-date")}
    wanted = sign_v4_s3(
        method="GET",
        url=urlsplit(f"https://{headers['Host']}{arrived}"),
        region="us-east-1",
        headers=signed,
        credentials=Credentials(KEY, SECRET),
        content_sha256=headers["x-amz-content-sha256"],
        date=AT,
    )
    assert headers["Authorization"] == wanted["Authorization"]


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.why)
def test_the_signature_for_azure_is_about_the_request_that_arrives(
    row: Spelled, store: Store, read: Read
) -> None:
    path = f"{row.path}/box/m.onnx"
    store.answers[path] = [whole(b"model")]

    read(
        "abfs://box@testers.dfs.core.windows.net/m.onnx",
        row.endpoint.replace("PORT", str(store.server_port)),
        {"AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY},
    )

    (arrived, headers), *others = store.requests
    assert not others
    text = (
        "GET" + "\n" * 12 + f"x-ms-date:{headers['x-ms-date']}\n"
        f"x-ms-version:{headers['x-ms-version']}\n/testers{arrived}"
    )
    signature = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), "sha256")
    assert headers["Authorization"] == f"SharedKey testers:{base64.b64encode(signature).decode()}"


@pytest.mark.parametrize(
    ("location", "known"),
    [
        pytest.param("/b.onnx", True, id="the same host"),
        pytest.param("https://localhost/b.onnx", True, id="without the port that it has anyway"),
        pytest.param("https://LOCALHOST:443/b.onnx", True, id="in other letters"),
        pytest.param("https://localhost:PORT/b.onnx", False, id="another port"),
    ],
)
def test_a_redirect_to_the_same_server_keeps_the_credentials(
    location: str, known: bool, store: Store, read: Read
) -> None:
    there = location.replace("PORT", str(store.server_port))
    store.answers["/a.onnx"] = [status(302, Location=there)]
    store.answers["/b.onnx"] = [whole(b"model")]

    read("https://LocalHost:443/a.onnx", None, {"token": "t0p"})

    (_, first), (_, second) = store.requests
    assert first["Authorization"] == "Bearer t0p"
    assert second.get("Authorization") == ("Bearer t0p" if known else None)
    assert first["Host"] == "localhost"
    assert second["Host"] == ("localhost" if known else f"localhost:{store.server_port}")


@pytest.mark.parametrize("endpoint", ["https://LOCALHOST:443", "https://localhost:PORT"])
def test_a_redirect_of_s3_to_another_server_has_neither_signature_nor_host(
    endpoint: str, store: Store, read: Read
) -> None:
    there = "localhost:443" if "PORT" in endpoint else f"localhost:{store.server_port}"
    store.answers["/models/m.onnx"] = [status(307, Location=f"https://{there}/elsewhere")]
    store.answers["/elsewhere"] = [whole(b"model")]
    secret = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    read("s3://models/m.onnx", endpoint.replace("PORT", str(store.server_port)), secret)

    _, (_, second) = store.requests
    assert second["Host"] == there.removesuffix(":443")
    assert not {"Authorization", "x-amz-date"} & set(second)
