"""Flags of `run` that say where the models' metrics come from: checked before anything starts."""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from triton_operator.autoscaling.sources.metric_options import MetricOptions

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_OURS = ("accept-encoding", "connection", "content-length", "host", "transfer-encoding")
"""Headers that decide how an answer is read, or by whom."""


@dataclass(frozen=True, kw_only=True)
class MetricFlags:
    """The flags as they were given; `headers` are `NAME=FILE`, `matchers` are `NAME=VALUE`."""

    url: str
    token_file: Path | None
    ca_file: Path | None
    headers: Sequence[str]
    matchers: Sequence[str]
    namespace_label: str
    pod_label: str
    scrape_seconds: float


def metrics_of(flags: MetricFlags) -> "MetricOptions":
    """The source that they describe.

    Raises:
        typer.BadParameter: one is wrong, or without effect; it names the flag, and no secret.
    """
    from triton_operator.autoscaling.prometheus_answers import PodLabels
    from triton_operator.autoscaling.sources.metric_options import MetricOptions
    from triton_operator.autoscaling.sources.prometheus import PrometheusOptions
    from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress

    if not flags.url:
        _refuse_what_needs_an_url(flags)
        return MetricOptions(every_seconds=flags.scrape_seconds)
    try:
        address = PrometheusAddress(
            flags.url,
            token_file=flags.token_file,
            ca_file=flags.ca_file,
            header_files=_header_files(flags),
        )
    except ValueError as error:
        raise _bad("--prometheus-url", str(error)) from error
    if flags.token_file is not None:
        _check_value(flags.token_file, "--prometheus-token-file")
    if flags.ca_file is not None:
        _check_authorities(flags.ca_file)
    _check_label(flags.namespace_label, "--prometheus-namespace-label")
    if flags.pod_label:
        _check_label(flags.pod_label, "--prometheus-pod-label")
    return MetricOptions(
        prometheus=address,
        options=PrometheusOptions(
            labels=PodLabels(namespace=flags.namespace_label, pod=flags.pod_label),
            matchers=_matchers(flags.matchers),
        ),
        every_seconds=flags.scrape_seconds,
    )


def _refuse_what_needs_an_url(flags: MetricFlags) -> None:
    """Who names a token wants a Prometheus to be asked: without one, nothing would."""
    given = {
        "--prometheus-token-file": flags.token_file,
        "--prometheus-ca-file": flags.ca_file,
        "--prometheus-header": flags.headers,
        "--prometheus-label": flags.matchers,
    }
    for flag, value in given.items():
        if value:
            raise _bad(flag, "has no effect without --prometheus-url")


def _header_files(flags: MetricFlags) -> dict[str, Path]:
    flag = "--prometheus-header"
    found: dict[str, Path] = {}
    for text in flags.headers:
        name, separator, path = text.partition("=")
        if not separator or not path:
            # It may be a value by mistake: it is not repeated.
            raise _bad(flag, "is not NAME=FILE; the value stands in the file, never here")
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise _bad(flag, f"'{name[:128]}' is no header that can be given")
        if name.lower() in {known.lower() for known in found}:
            raise _bad(flag, f"{name} is given twice")
        if name.lower() == "authorization" and flags.token_file is not None:
            raise _bad(flag, f"{name} is what --prometheus-token-file sends: give one of them")
        found[name] = Path(path)
        _check_value(found[name], flag)
    return found


def _matchers(given: Sequence[str]) -> dict[str, str]:
    flag = "--prometheus-label"
    found: dict[str, str] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise _bad(flag, f"'{text}' is not NAME=VALUE")
        _check_label(name, flag)
        if name in found:
            raise _bad(flag, f"{name} is given twice")
        found[name] = value
    return found


def _check_label(name: str, flag: str) -> None:
    from triton_operator.autoscaling.promql import selector

    try:
        selector({}, {name: ""})
    except ValueError as error:
        raise _bad(flag, str(error)) from error


def _check_value(file: Path, flag: str) -> None:
    from triton_operator.autoscaling.sources.prometheus_connection import (
        NoHeaderValue,
        header_value,
    )

    try:
        header_value(file, str(file))
    except NoHeaderValue as error:
        raise _bad(flag, str(error)) from error


def _check_authorities(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as error:
        raise _bad("--prometheus-ca-file", f"{file} has no certificate in PEM") from error
    except OSError as error:
        raise _bad("--prometheus-ca-file", f"{file} cannot be read: {error.strerror}") from error


def _bad(flag: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint=flag)
