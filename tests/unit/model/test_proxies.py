"""Proxies: which address goes through one, and downloads through a real one."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.model.connect_proxy import ConnectProxy
from tests.unit.model.store import Store, status, whole
from tests.unit.model.test_https_source import DATA, Download
from triton_operator.model import reasons
from triton_operator.model.__main__ import main
from triton_operator.model.errors import SourceRefused
from triton_operator.model.proxies import PASSWORD, USERNAME, Proxy, proxy_for

URL = "https://models.example.com/m.onnx"


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

    assert proxy_for("https://a.example.com", environment) == Proxy("http://small:2")
    assert proxy_for("http://a.example.com", environment) == Proxy("http://c")
    assert proxy_for("https://a.example.com", {}) is None


class Given(NamedTuple):
    address: str
    user: str
    """What is let in, with its password; empty: nobody in particular."""
    why: str
    variables: tuple[str, str] | None = None
    """Username and password of their own."""


@pytest.mark.parametrize(
    "row",
    [
        Given("http://proxy:3128", "", "no user"),
        Given("http://me:secret@proxy:3128", "me:secret", "in the address"),
        Given("me:secret@proxy:3128", "me:secret", "without a scheme"),
        Given("http://me:p%40s%2Fs%3A@proxy:3128/", "me:p@s/s:", "quoted"),
        Given("http://me:p@ss@proxy:3128", "me:p@ss", "the last @ counts, as for curl"),
        Given("http://me@proxy:3128", "me:", "without a password"),
        Given("http://proxy:3128", "me:p@ss:w/o#?", "apart, and not quoted", ("me", "p@ss:w/o#?")),
        Given("http://proxy:3128", "me:pä ss", "any letters", ("me", "pä ss")),
        Given("http://proxy:3128", "me:secret", "line ends of an editor", ("me\n", "secret\r\n")),
        Given("http://you:own@proxy:3128", "you:own", "the address goes first", ("me", "secret")),
    ],
    ids=lambda row: row.why,
)  # fmt: skip
def test_who_is_let_in_by_the_proxy(row: Given) -> None:
    found = proxy_for(URL, {"HTTPS_PROXY": row.address, **variables(row.variables)})

    assert found is not None
    assert found.address == "http://proxy:3128"
    assert found.headers == ({"Proxy-Authorization": basic(row.user)} if row.user else {})
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "row",
    [
        Given("http://me:t0p/t0p@proxy:3128", "", "a slash looks like the end of the host"),
        Given("http://me:t0p#t0p@proxy:3128", "", "a fragment"),
        Given("http://me:t0p t0p@proxy:3128", "", "a space"),
        Given("http://me:1234/t0p@proxy", "", "the password looks like a port"),
        Given("http://proxy:99999", "", "no such port"),
        Given("socks5://me:t0p@proxy:1080", "", "another protocol"),
        Given("http://me:t0p@", "", "no host"),
        Given("http://m%3Ae:t0p@proxy", "", "a user that basic authentication cannot carry"),
        Given("http://me:t0p%0d%0aX-Evil: 1@proxy", "", "a line end"),
        Given("http://proxy", "", "no password", ("t0p", "")),
        Given("http://proxy", "", "no username", ("", "t0p")),
        Given("http://proxy", "", "a user with a colon", ("m:e", "t0p")),
        Given("http://proxy", "", "lines", ("me", "t0p\nX-Evil: 1")),
    ],
    ids=lambda row: row.why,
)
def test_unusable_proxies_are_refused_and_not_shown(row: Given) -> None:
    with pytest.raises(SourceRefused) as caught:
        proxy_for(URL, {"HTTPS_PROXY": row.address, **variables(row.variables)})

    assert caught.value.failure.reason == reasons.CREDENTIALS_INVALID
    assert "proxy.secretName" in caught.value.failure.message
    assert "t0p" not in str(caught.value)


def variables(pair: tuple[str, str] | None) -> dict[str, str]:
    return {} if pair is None else dict(zip((USERNAME, PASSWORD), pair, strict=True))


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


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
    proxy.wants = basic("me:p@ss")
    address = proxy.url.replace("http://", "http://me:p%40ss@")

    assert Download(
        f"{store.url}/m.onnx", credentials_dir, environment={"HTTPS_PROXY": address}
    ).run()

    assert proxy.authorizations == [proxy.wants]
    assert not {"Authorization", "Proxy-Authorization"} & set(store.requests[0][1])


def test_a_password_of_its_own_goes_to_the_proxy_only(
    store: Store, proxy: ConnectProxy, credentials_dir: Path
) -> None:
    store.answers["/m.onnx"] = [status(302, Location="/n.onnx")]
    store.answers["/n.onnx"] = [whole(DATA)]
    proxy.wants = basic("me:p@ss/word")
    (credentials_dir / "token").write_text("stores")

    assert Download(
        f"{store.url}/m.onnx",
        credentials_dir,
        environment={**behind(proxy), **variables(("me", "p@ss/word"))},
    ).run()

    assert set(proxy.authorizations) == {proxy.wants}
    for _, headers in store.requests:
        assert headers["Authorization"] == "Bearer stores"
        assert "Proxy-Authorization" not in headers


@pytest.mark.parametrize(
    ("pair", "advice"),
    [(None, "name a Secret that has them"), (("me", "t0p-secret"), "does not take the user")],
)
def test_a_password_that_the_proxy_wants_or_refuses_is_said_and_not_shown(
    pair: tuple[str, str] | None,
    advice: str,
    store: Store,
    proxy: ConnectProxy,
    credentials_dir: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    proxy.wants = basic("me:another")

    download = Download(
        f"{store.url}/m.onnx", credentials_dir, environment={**behind(proxy), **variables(pair)}
    )
    failure = download.failure()

    assert (failure.reason, failure.retryable) == (reasons.SOURCE_FORBIDDEN, False)
    assert f"the proxy {proxy.url} answers 407 for localhost; " in failure.message
    assert advice in failure.message
    assert "proxy.secretName" in failure.message
    assert len(proxy.tunnels) == 1
    everything = f"{failure} {download.lines} {caplog.text}"
    assert "t0p-secret" not in everything
    assert base64.b64encode(b"me:t0p-secret").decode() not in everything


@pytest.mark.parametrize("gone", [True, False], ids=["no proxy", "no store"])
def test_the_command_never_says_the_password(
    gone: bool,
    store: Store,
    proxy: ConnectProxy,
    credentials_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither in the report, nor in the log at its most talkative, when connections fail."""
    caplog.set_level(logging.DEBUG)
    address = f"127.0.0.1:{proxy.server_port}"
    if gone:
        proxy.close()
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:t0p-secret@{address}")
    report = tmp_path / "report"

    main(
        [
            *("inspect", f"--uri={store.url}/m.onnx", f"--credentials-dir={credentials_dir}"),
            *(f"--report={report}", f"--work-dir={tmp_path}", "--timeout-seconds=1"),
        ]
    )

    said = report.read_text() + caplog.text
    assert address in said or not gone
    assert "t0p-secret" not in said
    assert base64.b64encode(b"me:t0p-secret").decode() not in said


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


@pytest.mark.parametrize("code", [403, 451])
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
