"""Proxies: which address goes through one, and downloads through a real one."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.model.connect_proxy import ConnectProxy
from tests.unit.model.store import Store, status, whole
from tests.unit.model.test_https_source import DATA, Download
from triton_operator.model import reasons
from triton_operator.model.proxies import proxy_for, without_password


class Row(NamedTuple):
    url: str
    direct: str
    through: bool
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Row("https://models.example.com/a", "", True, "no exception"),
        Row("https://models.example.com/a", "*", False, "everything is direct"),
        Row("https://models.example.com/a", "other.com, .example.com", False, "a domain"),
        Row("https://example.com/a", "example.com", False, "the host itself"),
        Row("https://a.example.com/a", "example.com", False, "a subdomain, as curl reads it"),
        Row("https://a.example.com/a", "*.example.com", False, "as people write it"),
        Row("https://badexample.com/a", "example.com", True, "a name that only ends alike"),
        Row("https://MODELS.example.com./a", "Models.Example.Com", False, "names have no case"),
        Row("https://models.example.com:8443/a", "models.example.com:443", True, "another port"),
        Row("https://models.example.com:8443/a", "models.example.com:8443", False, "this port"),
        Row("https://minio.storage.svc/a", ".svc", False, "inside the cluster"),
        Row("https://10.1.2.3/a", "10.0.0.0/8", False, "a range"),
        Row("https://11.1.2.3/a", "10.0.0.0/8", True, "not in the range"),
        Row("https://10.1.2.3:8443/a", "10.1.2.3", False, "an address with any port"),
        Row("https://10.1.2.3:8443/a", "10.1.2.3:8443", False, "an address with this port"),
        Row("https://10.1.2.3:8443/a", "10.1.2.3:443", True, "an address with another port"),
        Row("https://[fd00::1]/a", "fd00::/8", False, "a range of IPv6"),
        Row("https://[fd00::1]:8443/a", "[fd00::1]:8443", False, "IPv6 with a port"),
        Row("https://10.1.2.3/a", "2.3", True, "an address is no domain"),
    ],
    ids=lambda row: row.why,
)
def test_what_goes_through_the_proxy(row: Row) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": row.direct}

    assert (proxy_for(row.url, environment) is not None) is row.through


def test_small_letters_go_first_and_a_scheme_is_completed() -> None:
    environment = {
        "HTTPS_PROXY": "http://big:1",
        "https_proxy": "small:2",
        "HTTP_PROXY": "http://c",
    }

    assert proxy_for("https://a.example.com", environment) == "http://small:2"
    assert proxy_for("http://a.example.com", environment) == "http://c"
    assert proxy_for("https://a.example.com", {}) is None


def test_a_password_is_not_shown() -> None:
    assert without_password("http://me:secret@proxy:3128") == "http://proxy:3128"


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    one = ConnectProxy()
    yield one
    one.close()


def behind(proxy: ConnectProxy, direct: str = "") -> dict[str, str]:
    return {"HTTPS_PROXY": proxy.url, "NO_PROXY": direct}


def test_a_download_goes_through_the_proxy_and_trusts_the_stores_authority(
    store: Store, proxy: ConnectProxy, pem: Path
) -> None:
    store.answers["/m.onnx"] = [whole(DATA)]
    download = Download(
        f"{store.url}/m.onnx", None, environment=behind(proxy), ca_file=pem.parent / "ca.crt"
    )

    assert download.run() == DATA

    assert proxy.tunnels == [f"localhost:{store.server_port}"]
    assert len(store.requests) == 1


def test_a_password_in_the_proxys_address_goes_to_the_proxy_only(
    store: Store, proxy: ConnectProxy, credentials_dir: Path
) -> None:
    store.answers["/m.onnx"] = [whole(DATA)]
    address = proxy.url.replace("http://", "http://me:p%40ss@")

    assert Download(
        f"{store.url}/m.onnx", credentials_dir, environment={"HTTPS_PROXY": address}
    ).run()

    assert proxy.authorizations == ["Basic " + base64.b64encode(b"me:p@ss").decode()]
    assert not {"Authorization", "Proxy-Authorization"} & set(store.requests[0][1])


def test_a_host_in_no_proxy_is_reached_directly(
    store: Store, proxy: ConnectProxy, credentials_dir: Path
) -> None:
    store.answers["/m.onnx"] = [whole(DATA)]
    download = Download(
        f"{store.url}/m.onnx", credentials_dir, environment=behind(proxy, "localhost")
    )

    assert download.run() == DATA
    assert proxy.tunnels == []


def test_a_redirect_asks_again_which_way_to_go(
    store: Store, proxy: ConnectProxy, credentials_dir: Path
) -> None:
    there = f"https://127.0.0.1:{store.server_port}/m.onnx"
    store.answers["/m.onnx"] = [status(302, Location=there)]
    download = Download(
        f"{store.url}/m.onnx", credentials_dir, environment=behind(proxy, "localhost")
    )

    # The store's certificate does not name the address: the tunnel is what counts.
    assert download.failure().reason == reasons.SOURCE_NOT_TRUSTED
    assert proxy.tunnels == [f"127.0.0.1:{store.server_port}"]


def test_without_the_authority_the_store_is_not_trusted_through_a_proxy_either(
    store: Store, proxy: ConnectProxy
) -> None:
    failure = Download(f"{store.url}/m.onnx", None, environment=behind(proxy)).failure()

    assert failure.reason == reasons.SOURCE_NOT_TRUSTED
    assert "trustBundle" in failure.message


@pytest.mark.parametrize("code", [403, 407])
def test_a_proxy_that_refuses_is_named_and_not_asked_again(
    store: Store, proxy: ConnectProxy, credentials_dir: Path, code: int
) -> None:
    proxy.answer = code

    download = Download(f"{store.url}/m.onnx", credentials_dir, environment=behind(proxy))
    failure = download.failure()

    assert (failure.reason, failure.retryable) == (reasons.SOURCE_FORBIDDEN, False)
    assert f"the proxy {proxy.url} answers {code} for localhost" in failure.message
    assert len(proxy.tunnels) == 1


def test_a_proxy_that_cannot_reach_the_store_is_asked_again(
    store: Store, proxy: ConnectProxy, credentials_dir: Path
) -> None:
    proxy.answer = 503
    download = Download(f"{store.url}/m.onnx", credentials_dir, environment=behind(proxy))
    failure = download.failure()

    assert (failure.reason, failure.retryable) == (reasons.SOURCE_UNAVAILABLE, True)
    assert f"the proxy {proxy.url} answers 503" in failure.message
    assert len(proxy.tunnels) == 4


def test_a_proxy_that_is_not_there_is_named(store: Store, credentials_dir: Path) -> None:
    gone = ConnectProxy()
    gone.close()

    failure = Download(f"{store.url}/m.onnx", credentials_dir, environment=behind(gone)).failure()

    assert failure.reason == reasons.SOURCE_UNAVAILABLE
    assert f"through the proxy {gone.url}" in failure.message


def test_an_unusable_bundle_is_named(store: Store, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("no certificate\n")

    with pytest.raises(Exception, match="trustBundle has no PEM"):
        Download(f"{store.url}/m.onnx", None, ca_file=bundle)
