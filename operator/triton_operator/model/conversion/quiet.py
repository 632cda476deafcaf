"""ONNX Runtime's tools advise on the root logger, and a user cannot act on it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """No log below CRITICAL from anybody, while the tools run: what fails comes as an exception."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
