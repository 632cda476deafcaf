"""Triton releases: how they are named and ordered, what each contains, which one an image holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEFAULT_IMAGE = "nvcr.io/nvidia/tritonserver:26.09-py3"
NVIDIA_IMAGES = "nvcr.io/nvidia/tritonserver:"

_RELEASE = re.compile(r"([0-9]{2})\.(0[1-9]|1[0-2])")
_TAG = re.compile(r"([0-9]{2}\.[0-9]{2})(?![0-9])")


class UnknownRelease(ValueError):
    """No release can be told; the text says what to write where."""


@dataclass(frozen=True, order=True)
class Release:
    """A monthly release, such as 26.09. Ordered by time."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Release":
        """The release written as `YY.MM`.

        Raises:
            UnknownRelease: `text` is written otherwise.
        """
        if not (match := _RELEASE.fullmatch(text)):
            raise UnknownRelease(
                f'"{text}" is not a Triton release: write year and month, such as "{NEWEST}"'
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year:02}.{self.month:02}"


@dataclass(frozen=True)
class Contents:
    """What NVIDIA's image of a release contains; None where it is not known.

    `max_opset` is the newest version of ONNX's default operator set that its ONNX Runtime loads,
    `max_ir_version` the newest file format.
    """

    triton: str
    onnx_runtime: str | None
    tensorrt_major: int | None
    max_opset: int | None
    max_ir_version: int | None


NEWEST = Release(26, 9)
"""Newest release this table knows. Newer ones are served as if they were this one."""

MINIMUM_SECURE = Release(26, 7)
"""Oldest release without a hole that is published and fixed later."""

SECURITY_FIXES: tuple[tuple[Release, str], ...] = (
    (
        Release(25, 7),
        "remote code execution over HTTP and through the Python backend's shared memory "
        "(CVE-2025-23310, CVE-2025-23311, CVE-2025-23319, CVE-2025-23320, CVE-2025-23334)",
    ),
    (Release(26, 6), "memory exhaustion by chunked HTTP requests"),
    (Release(26, 7), "restricted HTTP endpoints reachable without their key"),
)
"""Release in which a hole was closed, and which hole (NVIDIA's bulletins and release notes)."""

# ONNX Runtime from docs/introduction/compatibility.md of triton-inference-server/server; what each
# one loads was tried with the PyPI wheel of that version (1.17 and 1.18: its documentation).
_OPSETS = {
    "1.17": (20, 9),
    "1.18": (21, 10),
    "1.19": (21, 10),
    "1.20": (21, 10),
    "1.21": (22, 10),
    "1.22": (22, 10),
    "1.23": (23, 11),
    "1.24": (25, 13),
    "1.27": (26, 13),
    "1.28": (26, 13),
}

_VERSIONS: tuple[tuple[str, str, str | None], ...] = (
    ("24.04", "2.45.0", "1.17.3"),
    ("24.05", "2.46.0", "1.18.0"),
    ("24.06", "2.47.0", "1.18.0"),
    ("24.07", "2.48.0", "1.18.1"),
    ("24.08", "2.49.0", "1.18.1"),
    ("24.09", "2.50.0", "1.19.2"),
    ("24.10", "2.51.0", "1.19.2"),
    ("24.11", "2.52.0", "1.19.2"),
    ("24.12", "2.53.0", "1.20.1"),
    ("25.01", "2.54.0", "1.20.1"),
    ("25.02", "2.55.0", "1.20.1"),
    ("25.03", "2.56.0", "1.21.0"),
    ("25.04", "2.57.0", "1.21.0"),
    ("25.05", "2.58.0", "1.22.0"),
    ("25.06", "2.59.0", "1.22.0"),
    ("25.07", "2.59.1", "1.22.0"),
    ("25.08", "2.60.0", "1.23.0"),
    ("25.09", "2.61.0", "1.23.0"),
    ("25.10", "2.62.0", "1.23.1"),
    ("25.11", "2.63.0", "1.23.2"),
    ("25.12", "2.64.0", "1.23.2"),
    ("26.01", "2.65.0", "1.23.2"),
    ("26.02", "2.66.0", "1.24.1"),
    ("26.03", "2.67.0", "1.24.2"),
    ("26.04", "2.68.0", "1.24.4"),
    ("26.05", "2.69.0", "1.24.4"),
    ("26.06", "2.70.0", "1.24.4"),
    ("26.07", "2.71.0", "1.27.0"),
    ("26.08", "2.72.0", "1.28.0"),
    ("26.09", "2.73.0", None),
)

_TENSORRT_10 = Release(24, 7)
_TENSORRT_11 = Release(26, 6)


def _contents(release: Release, triton: str, onnx_runtime: str | None) -> Contents:
    opset, ir_version = _OPSETS[onnx_runtime.rpartition(".")[0]] if onnx_runtime else (None, None)
    tensorrt = 11 if release >= _TENSORRT_11 else 10 if release >= _TENSORRT_10 else None
    return Contents(triton, onnx_runtime, tensorrt, opset, ir_version)


CONTENTS: Mapping[Release, Contents] = MappingProxyType(
    {
        release: _contents(release, triton, onnx_runtime)
        for name, triton, onnx_runtime in _VERSIONS
        for release in [Release.parse(name)]
    }
)


def release_of(image: str, release: str | None) -> Release:
    """The release in `image`: as stated, or else from its tag (`YY.MM…`).

    Raises:
        UnknownRelease: nothing is stated and the tag does not begin with a release.
    """
    if release is not None:
        return Release.parse(release)
    name = image.partition("@")[0].rpartition("/")[2]
    if not (match := _TAG.match(name.partition(":")[2])):
        raise UnknownRelease(
            f"the tag of image {image} does not begin with a Triton release: "
            f'write it beside the image in the ServingPool, such as release: "{NEWEST}"'
        )
    return Release.parse(match[1])


def image_architectures(image: str) -> tuple[str, ...] | None:
    """The processors that an image is built for, as nodes call them; None: not known.

    NVIDIA publishes Triton for these two; a private image may be for any.
    """
    return ("amd64", "arm64") if image.startswith(NVIDIA_IMAGES) else None


def security_finding(release: Release) -> str | None:
    """What is known to be open in `release`, and what to do; None if it is recent enough."""
    if release >= MINIMUM_SECURE:
        return None
    holes = "; ".join(what for fixed, what in SECURITY_FIXES if release < fixed)
    return (
        f"Triton {release} has known holes, use {MINIMUM_SECURE} or later where others can reach "
        f"it: {holes}"
    )
