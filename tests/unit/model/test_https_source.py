"""Downloads from a real HTTPS server that misbehaves in every way that stores do."""

import base64
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.model.store import Answer, Handler, Store, broken, sent, stalled, status, whole
from triton_operator.api.inspection import Failure
from triton_operator.model.credentials import web_credentials
from triton_operator.model.download import Conditions, Patience
from triton_operator.model.errors import ModelFailure
from triton_operator.model.https_source import HttpsSource
from triton_operator.model.network import reached_network
from triton_operator.model.progress import Progress
from triton_operator.model.receiving import Deadline, Receiver
from triton_operator.model.secret_files import SecretFiles

DATA = bytes(range(256)) * 1200
ETAG = '"v1"'


class Download:
    """One download with a clock that only `sleep` moves."""

    def __init__(
        self,
        url: str,
        credentials_dir: Path | None,
        *,
        read_seconds: float = 30,
        ca_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.now = 0.0
        self.pauses: list[float] = []
        self.lines: list[str] = []
        self.file = io.BytesIO()
        self.source = HttpsSource(
            url,
            SecretFiles(credentials_dir),
            Conditions(
                network=reached_network(
                    credentials_dir=credentials_dir,
                    ca_files=[] if ca_file is None else [ca_file],
                    # Not this machine's: it may well be behind a proxy.
                    environment=environment or {},
                ),
                patience=Patience(attempts=4, read_seconds=read_seconds),
                sleep=self.sleep,
                say=self.lines.append,
            ),
        )
        self.receiver = Receiver(
            "model.onnx",
            self.file,
            most_bytes=1 << 20,
            deadline=Deadline.after(60, self.clock),
            progress=Progress(say=self.lines.append, clock=self.clock),
        )

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def run(self, path: str | None = None) -> bytes:
        self.source.read(path, self.receiver)
        data = self.file.getvalue()
        row = self.receiver.row("model.onnx")
        assert row.size_bytes == len(data)
        assert row.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
        return data

    def failure(self, path: str | None = None) -> Failure:
        with pytest.raises(ModelFailure) as caught:
            self.run(path)
        return caught.value.failure


@pytest.fixture
def download(store: Store, credentials_dir: Path) -> Download:
    return Download(f"{store.url}/m.onnx", credentials_dir)


def ranges(store: Store) -> list[str | None]:
    return [headers.get("Range") for _, headers in store.requests]


def test_a_file_arrives_whole(store: Store, download: Download) -> None:
    store.answers["/m.onnx"] = [whole(DATA)]

    assert download.run() == DATA

    (_, headers), *others = store.requests
    assert not others
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"].startswith("triton-operator/")
    assert "Authorization" not in headers


def chunked(data: bytes, *, complete: bool = True) -> Answer:
    def answer(handler: Handler) -> None:
        handler.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(data), 50_000):
            part = data[start : start + 50_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if complete:
            handler.wfile.write(b"0\r\n\r\n")
        handler.break_off()

    return answer


def test_a_chunked_answer_marks_its_own_end(store: Store, download: Download) -> None:
    store.answers["/m.onnx"] = [chunked(DATA, complete=False), chunked(DATA)]

    assert download.run() == DATA
    assert len(store.requests) == 2, "the one without an end was not taken for complete"


@pytest.mark.parametrize(
    "headers",
    [{"ETag": ETAG}, {"Last_Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}],
    ids=["ETag", "date"],
)
def test_a_broken_download_goes_on_where_it_was(
    headers: dict[str, str], store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [broken(DATA, 100_000, **headers), whole(DATA, **headers)]

    assert download.run() == DATA

    first, second = store.requests
    assert "Range" not in first[1]
    assert second[1]["Range"] == "bytes=100000-"
    assert second[1]["If-Range"] == next(iter(headers.values()))
    assert download.pauses == [0.5]
    assert "0.1 MB" in download.lines[0]


def test_a_stalled_download_goes_on_where_it_was(store: Store, credentials_dir: Path) -> None:
    store.answers["/m.onnx"] = [stalled(DATA, 1000, ETag=ETAG), whole(DATA, ETag=ETAG)]

    assert Download(f"{store.url}/m.onnx", credentials_dir, read_seconds=0.5).run() == DATA
    assert ranges(store)[:2] == [None, "bytes=1000-"]


def test_a_store_that_stalls_is_not_waited_for(store: Store, credentials_dir: Path) -> None:
    store.answers["/m.onnx"] = [stalled(DATA, 10)]

    failure = Download(f"{store.url}/m.onnx", credentials_dir, read_seconds=0.2).failure()

    assert (failure.reason, failure.retryable) == ("SourceTimeout", True)
    assert "nothing came in time" in failure.message
    assert "look at the store" in failure.message


def test_a_file_that_changed_meanwhile_is_read_from_the_start(
    store: Store, download: Download
) -> None:
    other = DATA[::-1]
    store.answers["/m.onnx"] = [broken(DATA, 100_000, ETag=ETAG), whole(other, ETag='"v2"')]

    assert download.run() == other
    assert ranges(store) == [None, "bytes=100000-"]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'], ids=["nothing", "a weak ETag"])
def test_without_a_validator_it_starts_again(
    etag: str | None, store: Store, download: Download
) -> None:
    headers = {"ETag": etag} if etag else {}
    store.answers["/m.onnx"] = [broken(DATA, 100_000, **headers), whole(DATA, **headers)]

    assert download.run() == DATA
    assert ranges(store) == [None, None]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"Content-Range": "bytes 100000-100009/100010", "ETag": ETAG}, id="size"),
        pytest.param(
            {"Content-Range": f"bytes 100000-100009/{len(DATA)}", "ETag": '"v2"'}, id="version"
        ),
    ],
)
def test_a_part_of_another_file_is_not_glued_on(
    part: dict[str, str], store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [
        broken(DATA, 100_000, ETag=ETAG),
        sent({"Content-Length": 10, **part}, bytes(10), 206),
        whole(DATA, ETag=ETAG),
    ]

    assert download.run() == DATA
    assert ranges(store) == [None, "bytes=100000-", None]


def test_a_file_that_became_shorter_is_read_from_the_start(
    store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [broken(DATA, 100_000, ETag=ETAG), status(416), whole(DATA[:500])]

    assert download.run() == DATA[:500]


def test_a_part_that_was_not_asked_for_is_refused(store: Store, download: Download) -> None:
    part = {"Content-Length": 10, "Content-Range": "bytes 7-16/100010", "ETag": ETAG}
    store.answers["/m.onnx"] = [broken(DATA, 100_000, ETag=ETAG), sent(part, bytes(10), 206)]

    assert download.failure().reason == "SourceMisbehaves"


def test_a_busy_store_is_asked_again(store: Store, download: Download) -> None:
    store.answers["/m.onnx"] = [status(503), status(429, Retry_After=7), whole(DATA)]

    assert download.run() == DATA
    assert download.pauses == [0.5, 7.0], "its own wish goes before the doubled pause"


@pytest.mark.parametrize(
    ("answer", "reason", "retryable", "text"),
    [
        pytest.param(status(401), "SourceForbidden", False, "spec.model.secretName", id="401"),
        pytest.param(status(403), "SourceForbidden", False, "answers 403", id="403"),
        pytest.param(status(404), "SourceNotFound", False, "answers 404", id="404"),
        pytest.param(status(410), "SourceNotFound", False, "answers 410", id="410"),
        pytest.param(status(418), "SourceMisbehaves", False, "answers 418", id="418"),
        pytest.param(status(204), "SourceMisbehaves", False, "answers 204", id="204"),
        pytest.param(status(500), "SourceUnavailable", True, "answers 500", id="500"),
        pytest.param(status(503), "SourceUnavailable", True, "4 attempts", id="503"),
        pytest.param(status(504), "SourceTimeout", True, "answers 504", id="504"),
        pytest.param(
            status(503, Retry_After=10**9), "SourceUnavailable", True, "answers 503", id="come back"
        ),
        pytest.param(
            broken(DATA, 10, ETag=ETAG), "SourceUnavailable", True, "connection", id="truncates"
        ),
        pytest.param(broken(DATA, 0), "SourceUnavailable", True, "connection", id="sends nothing"),
        pytest.param(
            sent({"Content-Length": 5}, b"12345", 206),
            "SourceMisbehaves",
            False,
            "another part",
            id="a part at once",
        ),
        pytest.param(
            sent({"Content-Length": len(DATA), "Content-Encoding": "gzip"}, b""),
            "SourceMisbehaves",
            False,
            "gzip",
            id="compressed",
        ),
        pytest.param(sent({}, DATA), "SourceMisbehaves", False, "Content-Length", id="no length"),
        pytest.param(
            sent({"Content-Length": "-5"}, DATA),
            "SourceMisbehaves",
            False,
            "Content-Length",
            id="negative length",
        ),
        pytest.param(
            sent({"Content-Length": 1 << 40}, b""),
            "ModelTooLarge",
            False,
            "1048576 are allowed",
            id="announces a terabyte",
        ),
        pytest.param(
            chunked(bytes(2 << 20)),
            "ModelTooLarge",
            False,
            "1048576 are allowed",
            id="sends more than is allowed, unannounced",
        ),
        pytest.param(
            status(302, Location="http://localhost/m.onnx"),
            "RedirectRefused",
            False,
            "not encrypted",
            id="redirects to http",
        ),
        pytest.param(
            status(302, Location="file:///etc/passwd"),
            "RedirectRefused",
            False,
            "not encrypted",
            id="redirects to a file",
        ),
        pytest.param(
            status(302, Location="http://me:t0p@host/m.onnx"),
            "RedirectRefused",
            False,
            "redirects to http://host/m.onnx",
            id="shows no password of http",
        ),
        pytest.param(
            status(302, Location="https://me:t0p@host:99999/model.onnx"),
            "UnsupportedSource",
            False,
            "'https://host:99999/model.onnx' is no usable address",
            id="shows no password of a port that cannot be",
        ),
        pytest.param(status(302), "RedirectRefused", False, "not where to", id="to nowhere"),
        pytest.param(
            status(302, Location="/m.onnx"),
            "RedirectRefused",
            False,
            "more than 5",
            id="in circles",
        ),
    ],
)
def test_answers_that_are_no_model(
    answer: Answer, reason: str, retryable: bool, text: str, store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [answer]

    failure = download.failure()

    assert (failure.reason, failure.retryable) == (reason, retryable)
    assert text in failure.message
    assert f"{store.url}/m.onnx" in failure.message or "model.onnx" in failure.message
    assert len(store.requests) == (4 if retryable else max(1, len(store.requests)))


def test_nothing_is_written_before_a_large_announcement_is_refused(
    store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [whole(bytes(2 << 20))]

    assert download.failure().reason == "ModelTooLarge"
    assert download.receiver.received == 0


def test_pauses_double_and_the_store_is_not_asked_for_ever(
    store: Store, download: Download
) -> None:
    store.answers["/m.onnx"] = [status(503)]
    download.failure()

    assert download.pauses == [0.5, 1.0, 2.0]


def test_a_slow_store_meets_the_deadline(store: Store, download: Download) -> None:
    """Every piece arrives in time for itself, all together do not."""
    store.answers["/m.onnx"] = [whole(DATA)]
    write = download.receiver.write

    def slow(data: bytes) -> None:
        download.now += 25
        for start in range(0, len(data), 1000):
            download.now += 1
            write(data[start : start + 1000])

    download.receiver.write = slow  # type: ignore[method-assign]

    failure = download.failure()
    assert (failure.reason, failure.retryable) == ("SourceTimeout", True)
    assert "within 60 s" in failure.message


def test_a_store_that_is_down(store: Store, credentials_dir: Path) -> None:
    url = store.url
    store.close()
    failure = Download(f"{url}/m.onnx", credentials_dir).failure()

    assert (failure.reason, failure.retryable) == ("SourceUnavailable", True)
    assert "Connection refused" in failure.message


def test_an_unknown_authority_is_not_trusted(store: Store) -> None:
    failure = Download(f"{store.url}/m.onnx", None).failure()

    assert (failure.reason, failure.retryable) == ("SourceNotTrusted", False)
    assert "ca.crt" in failure.message
    assert not store.requests


def test_a_certificate_for_another_host_is_not_trusted(store: Store, credentials_dir: Path) -> None:
    url = store.url.replace("localhost", "127.0.0.1")

    assert Download(f"{url}/m.onnx", credentials_dir).failure().reason == "SourceNotTrusted"


def test_redirects_are_followed(
    store: Store, new_store: Callable[[], Store], download: Download
) -> None:
    other = new_store()
    store.answers["/m.onnx"] = [status(307, Location="/moved?signature=s3cret")]
    store.answers["/moved?signature=s3cret"] = [status(302, Location=f"{other.url}/data")]
    other.answers["/data"] = [broken(DATA, 1000, ETag=ETAG), whole(DATA, ETag=ETAG)]

    assert download.run() == DATA
    assert ranges(other) == [None, "bytes=1000-"]


def test_external_data_is_relative_to_the_model(store: Store, credentials_dir: Path) -> None:
    store.answers["/a/sub/w%20%231.bin"] = [whole(DATA)]
    download = Download(f"{store.url}/a/m.onnx?x=1", credentials_dir)

    assert download.run("sub/w #1.bin") == DATA


# Credentials.


def secret(folder: Path, **values: str) -> None:
    for name, text in values.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("values", "header"),
    [
        pytest.param({"token": "abc\n"}, "Bearer abc", id="token, with the line end of echo"),
        pytest.param(
            {"username": "me", "password": "pä:ss"},
            "Basic " + base64.b64encode("me:pä:ss".encode()).decode(),
            id="user",
        ),
        pytest.param(
            {"username": "me", "password": "p", "token": "abc"}, "Bearer abc", id="both: token"
        ),
    ],
)
def test_credentials_go_to_the_store(
    values: dict[str, str], header: str, store: Store, credentials_dir: Path
) -> None:
    secret(credentials_dir, **values)
    store.answers["/m.onnx"] = [whole(DATA)]
    Download(f"{store.url}/m.onnx", credentials_dir).run()

    assert store.requests[0][1]["Authorization"] == header


def test_credentials_stay_with_the_first_origin(
    store: Store, new_store: Callable[[], Store], credentials_dir: Path
) -> None:
    secret(credentials_dir, token="abc")
    other = new_store()
    store.answers["/m.onnx"] = [status(302, Location="/here")]
    store.answers["/here"] = [status(302, Location=f"{other.url}/there")]
    other.answers["/there"] = [whole(DATA)]
    Download(f"{store.url}/m.onnx", credentials_dir).run()

    assert [headers.get("Authorization") for _, headers in store.requests] == ["Bearer abc"] * 2
    assert [headers.get("Authorization") for _, headers in other.requests] == [None]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"token": "t0p secret"}, "no bearer token"),
        ({"token": "t0p\nsecret"}, "control character"),
        ({"token": ""}, "is empty"),
        ({"username": "me"}, "'password'"),
        ({"password": "t0p"}, "'username'"),
        ({"username": "m:e", "password": "t0p"}, "':'"),
        ({"ca.crt": "t0p"}, "PEM"),
    ],
    ids=str,
)
def test_unusable_credentials_are_named_but_not_shown(
    values: dict[str, str], text: str, credentials_dir: Path
) -> None:
    secret(credentials_dir, **values)
    with pytest.raises(ModelFailure) as caught:
        Download("https://localhost/m.onnx", credentials_dir)

    assert caught.value.failure.reason == "CredentialsInvalid"
    assert text in caught.value.failure.message
    assert "t0p" not in str(caught.value)


def test_secrets_do_not_show(store: Store, credentials_dir: Path) -> None:
    """Neither the token nor a signature in the address gets into a message, a log or a repr."""
    secret(credentials_dir, token="t0psecret")
    store.answers["/m.onnx?sig=t0psecret"] = [status(503), status(403)]
    download = Download(f"{store.url}/m.onnx?sig=t0psecret", credentials_dir)

    failure = download.failure()

    assert store.requests[0][1]["Authorization"] == "Bearer t0psecret"
    shown = [failure.message, *download.lines, repr(web_credentials(SecretFiles(credentials_dir)))]
    assert "t0psecret" not in " ".join(shown)
    assert "not accepted" in failure.message


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///m.onnx",
        "https://host:port/m.onnx",
        "https://host:99999/m.onnx",
        "https://me:t0psecret@host/m.onnx",
        "https://[::1/m.onnx",
    ],
)
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        Download(url, None)

    assert caught.value.failure.reason == "UnsupportedSource"
    assert "t0psecret" not in str(caught.value)


def test_progress_is_told_every_few_seconds() -> None:
    lines: list[str] = []
    now = 0.0
    progress = Progress(say=lines.append, clock=lambda: now)
    for _ in range(7):
        now += 1
        progress.add(2_000_000, "model.onnx", 14_000_000)

    assert lines == [
        "model.onnx: 6.0 MB received (the file has 14.0 MB), 2.0 MB/s",
        "model.onnx: 12.0 MB received (the file has 14.0 MB), 2.0 MB/s",
    ]
