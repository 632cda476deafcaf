"""Asks the `filetype` example what kind of files these are: `filetype_client.py HOST:PORT FILE...`

Needs `pip install "tritonclient[http]" magika` (magika for the names of the labels).
"""

import json
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import tritonclient.http as triton

BEGIN, END, BLOCK, PADDING = 1024, 1024, 4096, 256
"""From magika's model card (config.min.json of standard_v3_3): lengths in bytes."""


def features(path: Path) -> np.ndarray:
    """The model's input for a file: int32 [1, 2048], its first and last kilobyte, padded."""
    with path.open("rb") as file:
        first = file.read(BLOCK).lstrip()[:BEGIN]
        file.seek(max(0, path.stat().st_size - BLOCK))
        last = file.read(BLOCK).rstrip()[-END:]
    row = np.full((1, BEGIN + END), PADDING, dtype=np.int32)
    row[0, : len(first)] = list(first)
    row[0, BEGIN + END - len(last) :] = list(last)
    return row


def label_names() -> list[str]:
    """The names of the model's 214 labels."""
    config = files("magika") / "models" / "standard_v3_3" / "config.min.json"
    names: list[str] = json.loads(config.read_text())["target_labels_space"]
    return names


def label_of(client: triton.InferenceServerClient, model: str, path: Path) -> tuple[int, float]:
    """The index of the most likely label, and the milliseconds that the request took."""
    row = features(path)
    tensor = triton.InferInput("bytes", list(row.shape), "INT32")
    tensor.set_data_from_numpy(row)
    started = time.perf_counter()
    answer = client.infer(model, [tensor])
    milliseconds = (time.perf_counter() - started) * 1000
    return int(answer.as_numpy("target_label")[0].argmax()), milliseconds


def main() -> str | None:
    """Print one line per file; the text of an error, if there is one."""
    if len(sys.argv) < 3:
        return "usage: filetype_client.py HOST:PORT FILE..."
    address, *paths = sys.argv[1:]
    if missing := [path for path in paths if not Path(path).is_file()]:
        return f"no such file: {', '.join(missing)}"
    names = label_names()
    try:
        with triton.InferenceServerClient(address) as client:
            for path in map(Path, paths):
                index, milliseconds = label_of(client, "filetype", path)
                print(f"{names[index]:12} {milliseconds:6.1f} ms  {path}")
    except OSError as error:
        return f"{address} does not answer: {error}"
    except triton.InferenceServerException as error:
        return f"{address} answers with an error: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
