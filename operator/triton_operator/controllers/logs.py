"""Logs: one sentence each, with key-value pairs; JSON for machines or text for people.

Lines of a reconcile begin with its object and number; the operator's own pairs come after them.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from triton_operator.controllers.reconcile_log import current

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **(reconcile.pairs if (reconcile := current()) else {}),
            **_pairs(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line per record, pairs behind the sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        reconcile = current()
        about = f" {reconcile.key} #{reconcile.number}" if reconcile else ""
        pairs = "".join(f" {key}={value!r}" for key, value in _pairs(record).items())
        line = f"{time} {record.levelname[0]}{about} {record.getMessage()}{pairs}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _pairs(record: logging.LogRecord) -> dict[str, object]:
    return {
        key: value
        for key, value in vars(record).items()
        if key not in _STANDARD and not key.startswith(("k8s_", "settings"))
    }


def configure_logs(*, as_json: bool, verbose: bool = False) -> None:
    """Send every log line to standard error; kopf's own chatter only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for chatty in ("kopf", "aiohttp", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.INFO if verbose else logging.WARNING)
