"""Releases are told from images, ordered by time, and judged."""

from typing import NamedTuple

import pytest

from triton_operator.triton.releases import (
    CONTENTS,
    DEFAULT_IMAGE,
    MINIMUM_SECURE,
    NEWEST,
    Release,
    UnknownRelease,
    release_of,
    security_finding,
)

DIGEST = "@sha256:" + "0" * 64


class Told(NamedTuple):
    name: str
    image: str
    release: str | None
    expected: str
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Told("nvidia", "nvcr.io/nvidia/tritonserver:26.09-py3", None, "26.09", "NVIDIA's tags"),
        Told("bare tag", "tritonserver:25.01", None, "25.01", "no suffix is needed"),
        Told("digest", f"a/b:26.07-py3{DIGEST}", None, "26.07", "a pinned tag still speaks"),
        Told("port", "host:5000/triton:26.08-py3", None, "26.08", "a port is no tag"),
        Told("stated", "host/own:dev", "24.10", "24.10", "private images state it beside"),
        Told("stated wins", "a:26.09-py3", "26.08", "26.08", "who states it knows better"),
    ],
    ids=lambda row: row.name,
)
def test_release_is_told(row: Told) -> None:
    assert str(release_of(row.image, row.release)) == row.expected, row.why


class Untold(NamedTuple):
    name: str
    image: str
    release: str | None
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Untold("no tag", "registry/triton", None, "does not begin with a Triton release"),
        Untold("port only", "host:5000/triton", None, "ServingPool"),
        Untold("digest only", f"triton{DIGEST}", None, 'release: "26.09"'),
        Untold("other words", "triton:latest", None, "image triton:latest"),
        Untold("later in the tag", "triton:v2-26.09", None, "does not begin"),
        Untold("longer number", "triton:26.091", None, "does not begin"),
        Untold("month 13", "triton:26.13-py3", None, '"26.13" is not a Triton release'),
        Untold("month 0", "a", "26.00", '"26.00" is not a Triton release'),
        Untold("triton's version", "a", "2.51.0", "year and month"),
    ],
    ids=lambda row: row.name,
)
def test_unknown_release_says_what_to_write(row: Untold) -> None:
    with pytest.raises(UnknownRelease) as raised:
        release_of(row.image, row.release)

    assert row.says in str(raised.value)


def test_releases_are_ordered_by_time() -> None:
    names = ["24.10", "24.09", "26.01", "25.12"]

    assert [str(r) for r in sorted(map(Release.parse, names))] == [
        "24.09", "24.10", "25.12", "26.01",
    ]  # fmt: skip


def test_default_image_is_of_the_newest_release_and_secure() -> None:
    assert release_of(DEFAULT_IMAGE, None) == NEWEST == max(CONTENTS)
    assert security_finding(NEWEST) is None


class Finding(NamedTuple):
    name: str
    release: str
    mentions: tuple[str, ...]
    omits: tuple[str, ...]


@pytest.mark.parametrize(
    "row",
    [
        Finding("oldest", "24.10", ("26.07", "CVE-2025-23310", "chunked", "endpoints"), ()),
        Finding("code execution closed", "25.07", ("chunked", "endpoints"), ("CVE-2025-23310",)),
        Finding("last open one", "26.06", ("endpoints",), ("chunked", "CVE")),
    ],
    ids=lambda row: row.name,
)
def test_finding_lists_what_is_still_open(row: Finding) -> None:
    text = security_finding(Release.parse(row.release)) or ""

    assert all(word in text for word in row.mentions)
    assert not any(word in text for word in row.omits)


def test_minimum_release_is_clean() -> None:
    assert security_finding(MINIMUM_SECURE) is None


class Holds(NamedTuple):
    name: str
    release: str
    triton: str
    onnx_runtime: str | None
    tensorrt_major: int | None
    max_opset: int | None


@pytest.mark.parametrize(
    "row",
    [
        Holds("CPU image", "24.10", "2.51.0", "1.19.2", 10, 21),
        Holds("last TensorRT 10", "26.05", "2.69.0", "1.24.4", 10, 25),
        Holds("first TensorRT 11", "26.06", "2.70.0", "1.24.4", 11, 25),
        Holds("minimum", "26.07", "2.71.0", "1.27.0", 11, 26),
        Holds("runtime not published", "26.09", "2.73.0", None, 11, None),
    ],
    ids=lambda row: row.name,
)
def test_contents(row: Holds) -> None:
    found = CONTENTS[Release.parse(row.release)]

    assert (found.triton, found.onnx_runtime, found.tensorrt_major, found.max_opset) == row[2:]


def test_newer_releases_never_load_less() -> None:
    opsets = [CONTENTS[release].max_opset or 99 for release in sorted(CONTENTS)]

    assert opsets == sorted(opsets)
