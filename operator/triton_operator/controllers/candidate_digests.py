"""The digests whose ModelProfiles a service may need: of what it serves, then of its variants."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triton_operator.api.enums import ModelFormat
from triton_operator.controllers.profiles import digest_of
from triton_operator.controllers.views import ServiceView

Row = Mapping[str, Any]


def candidate_digests(service: ServiceView) -> list[str]:
    """Each once. The first is that of the model which is served, if it is known."""
    return list(dict.fromkeys(filter(None, _digests(service))))


def known_digest(status: Row, uri: str, its_format: str) -> str | None:
    """The digest found earlier, if it was found at the same address and in the same format."""
    for row in (status.get("model") or {}, *_rows(status)):
        if (row.get("uri"), row.get("format")) == (uri, its_format) and (found := digest_of(row)):
            return found
    return None


def served_variant(spec: Row, status: Row) -> Row | None:
    """The row of `spec.variants` that is served; None: `spec.model` is."""
    name = (status.get("variant") or {}).get("name")
    return next((row for row in _rows(spec) if row.get("name") == name), None)


def _digests(service: ServiceView) -> Iterator[str | None]:
    spec, status = service.spec, service.status
    rows = _rows(spec)
    if rows:
        served = (served_variant(spec, status) or spec).get("model") or {}
        yield digest_of(served)
        its_format = served.get("format") or ModelFormat.ONNX
        yield known_digest(status, served.get("uri") or "", its_format)
    yield digest_of(spec.get("model"))
    yield digest_of(status.get("model"))
    for row in rows:
        yield digest_of(row.get("model"))
    if rows:
        for row in _rows(status):
            yield digest_of(row)


def _rows(part: Row) -> Sequence[Row]:
    return part.get("variants") or ()
