"""Rows of inputs for the models of the suite: files of this machine where that is possible.

Each function gives `count` rows, the same ones each time on the same machine. What is made up is
called so in the catalogue.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.planner.wheels import Wheel, unpacked
from e2e.harness.paths import REPOSITORY

Array = NDArray[Any]
Rows = Callable[[Path, int], Mapping[str, Array]]
"""Takes the model's file and how many rows to give; arrays by name of the input, rows first."""

PILLOW = Wheel(
    "pillow", "13.0.0", "a625df9a2a5597fa5e5266e01aefc82604bb85d291e3547981e863560d75da6c"
)
"""Draws letters. Its wheel is for Python 3.11 and glibc, like the images."""
SEED = 20261128
HALF = 1024
"""Bytes that Magika takes from each end of a file."""
PADDING = 256
TOKENS, VOCABULARY, CLS, SEP = 64, 30_522, 101, 102
SAMPLE_RATE, CHUNK, CONTEXT = 16_000, 512, 64


def file_bytes(_model: Path, count: int) -> Mapping[str, Array]:
    """First and last bytes of files, of as many kinds as there are, as Magika reads them."""
    rows = np.full((count, 2 * HALF), PADDING, dtype=np.int32)
    for row, path in zip(rows, islice(_files(), count), strict=True):
        content = path.read_bytes()
        first, last = content[:4096].lstrip()[:HALF], content[-4096:].rstrip()[-HALF:]
        row[: len(first)] = np.frombuffer(first, np.uint8)
        row[2 * HALF - len(last) :] = np.frombuffer(last, np.uint8)
    return {"bytes": rows}


def token_ids(_model: Path, count: int) -> Mapping[str, Array]:
    """Made-up sentences: tokens drawn by Zipf's law, 16 to 64 of them, padded to 64."""
    random = np.random.default_rng(SEED)
    ids = np.zeros((count, TOKENS), dtype=np.int64)
    mask = np.zeros((count, TOKENS), dtype=np.int64)
    for row, kept in zip(ids, mask, strict=True):
        length = int(random.integers(16, TOKENS + 1))
        drawn = 999 + random.zipf(1.2, length) % (VOCABULARY - 1000)
        row[:length] = [CLS, *drawn[1:-1], SEP]
        kept[:length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def text_lines(_model: Path, count: int) -> Mapping[str, Array]:
    """Lines of this repository's pages as pictures, 48 x 320."""
    lines = islice(_lines(), count)
    return {"x": np.stack([_picture([line], 48, 320) for line in lines])}


def turned_lines(_model: Path, count: int) -> Mapping[str, Array]:
    """Lines as pictures, 48 x 192, every other one upside down."""
    pictures = [_picture([line[:16]], 48, 192) for line in islice(_lines(), count)]
    pictures[1::2] = [picture[:, ::-1, ::-1] for picture in pictures[1::2]]
    return {"x": np.stack(pictures)}


def text_pages(_model: Path, count: int) -> Mapping[str, Array]:
    """Ten lines of this repository's pages as one picture, 320 x 320."""
    lines = _lines()
    pages = [_picture(list(islice(lines, 10)), 320, 320) for _ in range(count)]
    return {"x": np.stack(pages)}


def spectrograms(_model: Path, count: int) -> Mapping[str, Array]:
    """Made-up speech as 900 frames of 120 log-spaced bands, in decibels over the loudest."""
    random = np.random.default_rng(SEED)
    rows = np.empty((count, 900, 120), dtype=np.float32)
    for row in rows:
        sound = _speech(random, 900 * 160 + 320)
        frames = np.lib.stride_tricks.sliding_window_view(sound, 320)[::160][:900]
        power = np.abs(np.fft.rfft(frames * np.hanning(320), 240, axis=1)) ** 2 + 1e-10
        decibels = 10 * np.log10(power[:, :120])
        row[:] = (np.maximum(decibels - decibels.max(), -80) + 40) / 40
    return {"input_1": rows}


def speech_chunks(model: Path, count: int) -> Mapping[str, Array]:
    """Chunks of made-up speech, each with the state that the model itself had before it."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    sound = _speech(np.random.default_rng(SEED), CONTEXT + count * CHUNK)
    state = np.zeros((2, 1, 128), dtype=np.float32)
    inputs = np.empty((count, 1, CONTEXT + CHUNK), dtype=np.float32)
    states = np.empty((count, 2, 1, 128), dtype=np.float32)
    for number in range(count):
        inputs[number, 0] = sound[number * CHUNK :][: CONTEXT + CHUNK]
        states[number] = state
        _, state = session.run(None, {"input": inputs[number], "state": state})
    return {"input": inputs, "state": states}


def classifier_settings(_model: Path, count: int) -> Mapping[str, Array]:
    """Settings of a k-nearest-neighbours classifier, drawn from the ranges the model was fitted on:
    neighbours, algorithm, folds, data set."""
    random = np.random.default_rng(SEED)
    columns = [
        random.integers(low, high, count) for low, high in ((3, 150), (0, 4), (2, 6), (0, 3))
    ]
    return {"input": np.stack(columns, axis=1).astype(np.float32)}


def coloured_pictures(_model: Path, count: int) -> Mapping[str, Array]:
    """Made-up pictures: soft spots of colour, 224 x 224."""
    random = np.random.default_rng(SEED)
    coarse = random.normal(size=(count, 3, 14, 14)).astype(np.float32)
    return {"data_0": np.kron(coarse, np.ones((1, 1, 16, 16), dtype=np.float32))}


def _files() -> Iterator[Path]:
    """Files of the repository, Python and its packages; each kind in turn, so that many come."""
    roots = (REPOSITORY / "docs", REPOSITORY / "e2e", Path(sysconfig.get_path("stdlib")))
    kinds: dict[str, list[Path]] = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and 64 < path.stat().st_size < 10_000_000:
                kinds.setdefault(path.suffix, []).append(path)
    turns = [iter(paths) for _, paths in sorted(kinds.items())]
    while turns:
        for turn in list(turns):
            file = next(turn, None)
            if file is None:
                turns.remove(turn)
            else:
                yield file


def _lines() -> Iterator[str]:
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    words = [word for page in pages for word in page.read_text().split() if word.isascii()]
    endless = cycle(words)
    while True:
        line = next(endless)
        while len(line) < 24:
            line += " " + next(endless)
        yield line[:28]


def _picture(lines: list[str], height: int, width: int) -> Array:
    """Dark letters on a light ground, [3, height, width], from -1 to 1 as the models want it."""
    if (folder := str(unpacked(PILLOW))) not in sys.path:
        sys.path.append(folder)
    from PIL import Image, ImageDraw, ImageFont  # type: ignore[import-not-found]

    pitch = height // len(lines)
    image = Image.new("RGB", (width, height), (245, 243, 238))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=min(0.7 * pitch, 22))
    for number, line in enumerate(lines):
        draw.text((6, number * pitch + pitch // 6), line, fill=(30, 30, 40), font=font)
    pixels = np.asarray(image, dtype=np.float32) / 127.5 - 1
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _speech(random: np.random.Generator, length: int) -> NDArray[np.float32]:
    """Vowels: harmonics of a gliding pitch under formants, with pauses and noise; 16 kHz."""
    times = np.arange(length) / SAMPLE_RATE
    pitch = random.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * random.uniform(0.3, 2) * times))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    formants = random.uniform((300, 900, 2200), (900, 2200, 3400))
    sound = np.zeros(length)
    for harmonic in range(1, 25):
        loudness = sum(
            np.exp(-(((harmonic * pitch.mean() - peak) / 150) ** 2)) for peak in formants
        )
        sound += (0.02 + loudness) * np.sin(harmonic * phase)
    spoken = np.sin(2 * np.pi * random.uniform(0.5, 3) * times) > -0.3
    noisy = 0.1 * sound * spoken + random.normal(scale=random.uniform(0.001, 0.03), size=length)
    return np.clip(noisy, -1, 1).astype(np.float32)
