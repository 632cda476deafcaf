"""Folders in buckets: pages of a listing, the keys in them, and a repository from end to end."""

import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote, quote_plus, urlsplit
from xml.sax.saxutils import escape

import pytest

from tests.unit.model.building import linear
from tests.unit.model.repository_building import data_only, ensemble
from tests.unit.model.store import Answer, Handler, Store, sent, status, whole
from tests.unit.model.test_repository_job import Pod
from triton_operator.model.errors import ModelFailure
from triton_operator.model.google_listing import google_page, google_page_query
from triton_operator.model.listed_keys import ListedKeys, ListingBounds, Page
from triton_operator.model.receiving import Deadline
from triton_operator.model.s3_listing import s3_page, s3_page_query

BOUNDS = ListingBounds(5, 1000, Deadline.after(60, lambda: 0))


def collected(*pages: list[tuple[str, int]]) -> list[str]:
    rest = list(pages)

    def page(_token: str | None) -> Page:
        sizes = rest.pop(0)
        return Page(sizes, "next" if rest else None)

    return ListedKeys("shop/", "s3://models/shop/", BOUNDS).read(page)


class Keys(NamedTuple):
    keys: list[tuple[str, int]]
    paths: list[str]
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Keys([("shop/a", 1), ("shop/b/c", 2)], ["a", "b/c"], "relative to the folder"),
        Keys([("shop/", 0), ("shop/b/", 0), ("shop/b/c", 0)], ["b/c"], "marks of empty folders"),
        Keys([("shop/ä b+c", 1)], ["ä b+c"], "any letters"),
        Keys([("shop/.hidden", 1), ("shop/a..b", 1)], [".hidden", "a..b"], "dots in names"),
    ],
    ids=lambda row: row.why,
)
def test_keys_as_paths(row: Keys) -> None:
    assert collected(row.keys) == row.paths


class Refused(NamedTuple):
    keys: list[tuple[str, int]]
    reason: str
    said: str
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Refused([("shop/../b", 1)], "RepositoryRefused", "'../b'", "leaves the folder"),
        Refused([("shop/a/./b", 1)], "RepositoryRefused", "'a/./b'", "another name of a/b"),
        Refused([("shop/a//b", 1)], "RepositoryRefused", "'a//b'", "another name of a/b"),
        Refused([("shop//etc/passwd", 1)], "RepositoryRefused", "'/etc/passwd'", "absolute"),
        Refused([("shop/a/", 7)], "RepositoryRefused", "'a/'", "a folder that has bytes"),
        Refused([("shop/", 7)], "RepositoryRefused", "''", "the folder itself has bytes"),
        Refused([(f"shop/{n}", 1) for n in range(6)], "RepositoryRefused", "more than 5",
                "too many"),
        Refused([(f"shop/{n}/", 0) for n in range(10_001)], "RepositoryRefused", "10,000",
                "too many marks"),
        Refused([("shop/a", 900), ("shop/b", 101)], "ModelTooLarge", "1001 bytes or more",
                "too large together"),
        Refused([("other/a", 1)], "SourceMisbehaves", "not asked for", "of another folder"),
        Refused([("shopping/a", 1)], "SourceMisbehaves", "not asked for", "begins alike"),
        Refused([("shop/a", -1)], "SourceMisbehaves", "not asked for", "a negative size"),
        Refused([("shop/", 0)], "SourceNotFound", "no object below s3://models/shop/", "empty"),
        Refused([], "SourceNotFound", "no object below s3://models/shop/", "nothing at all"),
    ],
    ids=lambda row: row.why,
)  # fmt: skip
def test_keys_that_are_refused(row: Refused) -> None:
    with pytest.raises(ModelFailure) as caught:
        collected(row.keys)

    assert caught.value.failure.reason == row.reason
    assert row.said in caught.value.failure.message
    assert not caught.value.failure.retryable


def test_pages_without_end_are_not_followed() -> None:
    keys = ListedKeys("shop/", "s3://models/shop/", BOUNDS)

    with pytest.raises(ModelFailure, match="more than 100 pages"):
        keys.read(lambda _: Page([], "more"))


def test_every_page_counts() -> None:
    assert collected([("shop/a", 1)], [], [("shop/b", 1)]) == ["a", "b"]


# S3


def xml(*rows: tuple[str, int], more: str = "", quoted: bool = True) -> bytes:
    """As MinIO writes it."""
    listed = "".join(
        f"<Contents><Key>{quote_plus(key, safe='/') if quoted else escape(key)}</Key>"
        f"<LastModified>2026-11-02T10:00:00Z</LastModified><ETag>&#34;0&#34;</ETag>"
        f"<Size>{size}</Size><Owner><ID></ID></Owner></Contents>"
        for key, size in rows
    )
    next = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    encoding = "<EncodingType>url</EncodingType>" if quoted else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>models</Name>'
        f"<Prefix>shop/</Prefix>{next}<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        f"{listed}{encoding}</ListBucketResult>"
    ).encode()


@pytest.mark.parametrize("quoted", [True, False])
def test_a_page_of_s3(quoted: bool) -> None:
    rows = [("shop/a b+c&ü%20", 7), ("shop/b", 0)]

    page = s3_page(xml(*rows, more="1/t=+", quoted=quoted))

    assert list(page.sizes) == rows
    assert page.next == "1/t=+"
    assert s3_page(xml(*rows)).next is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "no element", id="empty"),
        pytest.param(b"{}", "not well-formed", id="no XML"),
        pytest.param(b"<html></html>", "no list of objects", id="a web page"),
        pytest.param(xml(("shop/a", 1))[:-20], "unclosed", id="truncated"),
        pytest.param(b'<!DOCTYPE l [<!ENTITY a "aa">]><ListBucketResult/>', "document type",
                     id="entities"),
        pytest.param(b"<ListBucketResult>" + b"<a>" * 100_000, "no list", id="nested"),
        pytest.param(xml(("shop/a", -1)), "no key or no size", id="a negative size"),
        pytest.param(xml(("shop/a", 1)).replace(b"Key>", b"Name>"), "no key", id="without keys"),
        pytest.param(xml(more="x").replace(b"NextContinuationToken", b"NextMarker"), "how to ask",
                     id="no way to the next page"),
        pytest.param(b"<ListBucketResult><Contents><Key>a</Key><Size>" + b"9" * 5000
                     + b"</Size></Contents></ListBucketResult>", "digits", id="a huge number"),
        pytest.param(b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%ff</Key>"
                     b"<Size>1</Size></Contents></ListBucketResult>", "utf-8", id="no text"),
    ],
)  # fmt: skip
def test_pages_of_s3_that_are_none(data: bytes, said: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        s3_page(data)

    assert caught.value.failure.reason == "SourceMisbehaves"
    assert said in caught.value.failure.message


# Google


def test_a_page_of_google() -> None:
    rows = [{"name": "shop/a", "size": "7"}, {"name": "shop/b", "size": "9007199254740993"}]
    page = google_page(json.dumps({"items": rows, "nextPageToken": "t"}).encode())

    assert list(page.sizes) == [("shop/a", 7), ("shop/b", 9007199254740993)]
    assert page.next == "t"
    for nothing in (b"{}", b'{"items": null}', b'{"items": []}'):
        assert list(google_page(nothing).sizes) == []


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"items": [{"name": "a"}]}', b'{"items": ' + b"[" * 100_000]
)
def test_pages_of_google_that_are_none(data: bytes) -> None:
    with pytest.raises(ModelFailure) as caught:
        google_page(data)

    assert caught.value.failure.reason == "SourceMisbehaves"


# from end to end


@pytest.fixture
def pod(tmp_path: Path, credentials_dir: Path) -> Pod:
    (tmp_path / "pod").mkdir()
    return Pod(tmp_path / "pod", credentials_dir)


def asked(handler: Handler) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(urlsplit(handler.path).query).items()}


def in_s3(store: Store, files: dict[str, bytes], prefix: str = "team/a b/") -> list[str]:
    """Two objects on each page; the tokens that were asked for come back."""
    tokens: list[str] = []
    rows = [(prefix, 0), *((f"{prefix}{path}", len(data)) for path, data in files.items())]

    def answer(token: str | None) -> Answer:
        start = int((token or "t=0").removeprefix("t="))
        data = xml(*rows[start : start + 2], more=f"t={start + 2}" if start + 2 < len(rows) else "")

        def page(handler: Handler) -> None:
            tokens.append(asked(handler).get("continuation-token", ""))
            handler.head(200, {"Transfer-Encoding": "chunked"})
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

        return page

    for token in (None, *(f"t={start}" for start in range(0, len(rows), 2))):
        store.answers[f"/models/?{s3_page_query(prefix, token)}"] = [answer(token)]
    for path, data in files.items():
        store.answers[f"/models/{quote(prefix + path)}"] = [whole(data)]
    return tokens


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_repository_in_a_folder_of_s3(slash: str, store: Store, pod: Pod) -> None:
    tokens = in_s3(store, ensemble())
    uri, endpoint = f"s3://models/team/a b{slash}", f"--endpoint={store.url}"

    report = pod.inspect(uri, endpoint, "--allow-code")

    assert report.facts is not None, report.failure
    assert [row.path for row in report.facts.files] == sorted(ensemble())
    assert tokens == ["", "t=2", "t=4"]
    assert pod.fetch(uri, endpoint, "--allow-code") == 0
    assert pod.served() == ensemble()


def test_the_digest_of_a_folder_does_not_depend_on_where_it_is(store: Store, pod: Pod) -> None:
    in_s3(store, data_only())
    for path, data in data_only().items():
        (pod.source / "r" / path).parent.mkdir(parents=True, exist_ok=True)
        (pod.source / "r" / path).write_bytes(data)

    found = pod.inspect("s3://models/team/a b", f"--endpoint={store.url}")

    assert found.digest == pod.inspect("pvc://claim/r").digest


def test_a_file_that_changes_after_the_inspection_is_refused(store: Store, pod: Pod) -> None:
    in_s3(store, data_only())
    uri, endpoint = "s3://models/team/a b", f"--endpoint={store.url}"
    report = pod.inspect(uri, endpoint)
    assert report.facts is not None, report.failure
    store.answers[f"/models/{quote('team/a b/classifier/1/model.onnx')}"] = [whole(b"another")]

    assert pod.fetch(uri, endpoint, report=report) == 2

    assert "DigestMismatch" in pod.termination_log.read_text()


def test_names_that_differ_only_in_case_are_refused(store: Store, pod: Pod) -> None:
    in_s3(store, {**data_only(), "Classifier/config.pbtxt": b""})

    reason, message = pod.refusal("s3://models/team/a b", f"--endpoint={store.url}")

    assert reason == "RepositoryRefused"
    assert "upper and lower case" in message


def test_a_store_that_does_not_let_list_says_which_right_it_wants(store: Store, pod: Pod) -> None:
    body = b"<Error><Code>AccessDenied</Code></Error>"
    page = f"/models/?{s3_page_query('shop/', None)}"
    store.answers[page] = [sent({"Content-Length": len(body)}, body, 403)]

    reason, message = pod.refusal("s3://models/shop", f"--endpoint={store.url}")

    assert reason == "SourceForbidden"
    assert "AccessDenied" in message
    assert "s3:ListBucket" in message


def test_a_folder_larger_than_allowed_is_refused_before_a_file_is_read(
    store: Store, pod: Pod
) -> None:
    in_s3(store, data_only())

    reason, _ = pod.refusal("s3://models/team/a b", f"--endpoint={store.url}", "--max-bytes=100")

    assert reason == "ModelTooLarge"
    assert all("list-type" in path for path, _ in store.requests)


def test_a_page_larger_than_any_is_cut_off(store: Store, pod: Pod) -> None:
    page = f"/models/?{s3_page_query('shop/', None)}"
    store.answers[page] = [sent({"Content-Length": 1 << 40}, b"<ListBucketResult>")]

    reason, message = pod.refusal("s3://models/shop", f"--endpoint={store.url}")

    assert reason == "ModelTooLarge"
    assert "the list of s3://models/shop/" in message


def test_a_store_that_fails_once_is_asked_again(store: Store, pod: Pod) -> None:
    in_s3(store, data_only())
    page = f"/models/?{s3_page_query('team/a b/', None)}"
    store.answers[page].insert(0, status(503))

    assert pod.repository("s3://models/team/a b", f"--endpoint={store.url}").models


def test_a_repository_in_a_folder_of_google(store: Store, pod: Pod) -> None:
    rows = [{"name": f"shop/{path}", "size": str(len(data))} for path, data in data_only().items()]
    for token, items in ((None, rows[:1]), ("t", rows[1:])):
        page = {"items": items, **({} if token else {"nextPageToken": "t"})}
        path = f"/storage/v1/b/models/o?{google_page_query('shop/', token)}"
        store.answers[path] = [whole(json.dumps(page).encode())]
    for name, data in data_only().items():
        store.answers[f"/models/shop/{name}"] = [whole(data)]

    assert pod.fetch("gs://models/shop", f"--endpoint={store.url}") == 0

    assert pod.served() == data_only()


@pytest.mark.parametrize(
    "uri", ["s3://models/m/", "gs://models/m/", "abfs://models@testers.dfs.core.windows.net/m/"]
)
def test_a_single_model_in_a_folder_is_its_model_onnx(uri: str, store: Store, pod: Pod) -> None:
    """As on a claim."""
    store.answers["/models/m/model.onnx"] = [whole(linear().SerializeToString())]

    report = pod.inspect(uri, f"--endpoint={store.url}", "--format=ONNX")

    assert report.facts is not None, report.failure
    assert [row.path for row in report.facts.files] == ["model.onnx"]
