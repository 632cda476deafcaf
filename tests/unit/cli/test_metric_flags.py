"""Where metrics come from, as flags: what they make, and what is refused by name."""

from dataclasses import replace
from pathlib import Path

import certifi
import pytest
from typer.testing import CliRunner

from triton_operator.autoscaling.prometheus_answers import PodLabels
from triton_operator.autoscaling.sources.metric_options import MetricOptions
from triton_operator.autoscaling.sources.prometheus import PrometheusOptions
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress
from triton_operator.cli.main import app
from triton_operator.cli.metric_flags import MetricFlags, metrics_of

NONE = MetricFlags(
    url="",
    token_file=None,
    ca_file=None,
    headers=[],
    matchers=[],
    namespace_label="namespace",
    pod_label="pod",
    scrape_seconds=1.0,
)


def test_without_a_prometheus_the_pods_are_asked() -> None:
    assert metrics_of(replace(NONE, scrape_seconds=2.0)) == MetricOptions(every_seconds=2.0)


def test_a_prometheus_with_everything(tmp_path: Path) -> None:
    token, tenant, authorities = tmp_path / "token", tmp_path / "tenant", Path(certifi.where())
    token.write_text("t")
    tenant.write_text("shop")

    options = metrics_of(
        MetricFlags(
            url="https://prometheus.example.com/one",
            token_file=token,
            ca_file=authorities,
            headers=[f"X-Scope-OrgID={tenant}"],
            matchers=["cluster=prod", "note=a=b", "empty="],
            namespace_label="kubernetes_namespace",
            pod_label="",
            scrape_seconds=5.0,
        )
    )

    assert options == MetricOptions(
        prometheus=PrometheusAddress(
            "https://prometheus.example.com/one",
            token_file=token,
            ca_file=authorities,
            header_files={"X-Scope-OrgID": tenant},
        ),
        options=PrometheusOptions(
            labels=PodLabels("kubernetes_namespace", ""),
            matchers={"cluster": "prod", "note": "a=b", "empty": ""},
        ),
        every_seconds=5.0,
    )


URL = "--prometheus-url=http://p"


@pytest.mark.parametrize(
    ("flag", "value", "beside", "complaint"),
    [
        ("--prometheus-url", "prometheus:9090", [], "http:// or https://"),
        ("--prometheus-url", "http://me:secret@p", [], "token file or a header"),
        ("--prometheus-url", "http://p:99999", [], "HOST[:PORT]"),
        ("--prometheus-token-file", "TOKEN", [], "without --prometheus-url"),
        ("--prometheus-ca-file", "CERTIFICATES", [], "without --prometheus-url"),
        ("--prometheus-header", "X-A=TOKEN", [], "without --prometheus-url"),
        ("--prometheus-label", "a=b", [], "without --prometheus-url"),
        ("--prometheus-token-file", "/not/there", [URL], "/not/there cannot be read"),
        ("--prometheus-token-file", "EMPTY", [URL], "has not one line of text"),
        ("--prometheus-ca-file", "/not/there", [URL], "/not/there cannot be read"),
        ("--prometheus-ca-file", "TOKEN", [URL], "no certificate in PEM"),
        ("--prometheus-header", "Authorization: Basic secret@", [URL], "is not NAME=FILE"),
        ("--prometheus-header", "X-A=", [URL], "is not NAME=FILE"),
        ("--prometheus-header", "X A=TOKEN", [URL], "'X A' is no header"),
        ("--prometheus-header", "Host=TOKEN", [URL], "'Host' is no header"),
        ("--prometheus-header", "X-A=/not/there", [URL], "/not/there cannot be read"),
        ("--prometheus-header", "X-A=EMPTY", [URL], "has not one line of text"),
        (
            "--prometheus-header",
            "x-a=TOKEN",
            [URL, "--prometheus-header=X-A=TOKEN"],
            "x-a is given twice",
        ),
        (
            "--prometheus-header",
            "authorization=TOKEN",
            [URL, "--prometheus-token-file=TOKEN"],
            "give one of them",
        ),
        ("--prometheus-label", "cluster", [URL], "'cluster' is not NAME=VALUE"),
        ("--prometheus-label", "my-cluster=a", [URL], '"my-cluster" cannot be the name of a label'),
        ("--prometheus-label", "a=b", [URL, "--prometheus-label=a=c"], "a is given twice"),
        ("--prometheus-namespace-label", "", [URL], "cannot be the name of a label"),
        ("--prometheus-pod-label", "a.b", [URL], "cannot be the name of a label"),
        ("--scrape-seconds", "0.1", [], "greater than or equal to 0.5"),
        ("--scrape-seconds", "61", [], "less than or equal to 60"),
        ("--scrape-seconds", "nan", [], "less than or equal to 60"),
    ],
)
def test_a_wrong_flag_is_refused_by_name(
    flag: str, value: str, beside: list[str], complaint: str, tmp_path: Path
) -> None:
    """Capitals stand for files."""
    (tmp_path / "token").write_text("secret@")
    (tmp_path / "empty").write_text("\n")
    files = {
        "TOKEN": str(tmp_path / "token"),
        "EMPTY": str(tmp_path / "empty"),
        "CERTIFICATES": certifi.where(),
    }
    arguments = [*beside, f"{flag}={value}"]
    for name, path in files.items():
        arguments = [argument.replace(name, path) for argument in arguments]

    result = CliRunner().invoke(
        app, ["run", "--image", "x", *arguments], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"}
    )

    assert result.exit_code == 2, result.output
    said = " ".join(result.output.split())
    assert flag in said
    assert complaint in said
    assert "secret@" not in said
