"""A mistyped value is refused by name instead of being ignored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, VALUES, template

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("imge.tag=1", "imge"),
        ("hub.enabled=perhaps", "enabled"),
        ("hub.dnsDomains={example}", "dnsDomains"),
        ("hub.dnsDomains={*.example.com}", "dnsDomains"),
        ("hub.dnsDomains=example.com", "dnsDomains"),
        ("agent.cluster=Store_1", "cluster"),
        ("agent.hubSecret=x", "hubSecret"),
        ("image.tga=1", "tga"),
        ("image.repository=", "repository"),
        ("image.digest=sha256:12", "digest"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("namespaces={Shop}", "namespaces"),
        ("namespaces={shop,shop}", "namespaces"),
        ("namespaces=shop", "namespaces"),
        ("codeNamespaces={e2e-*}", "codeNamespaces"),
        ("workers=0", "workers"),
        ("workers=many", "workers"),
        ("logFormat=yaml", "logFormat"),
        ("triton.cpu.version=26.09", "version"),
        ("triton.cpu.release=26.9", "release"),
        ("triton.gpu.release=26.13", "release"),
        ("triton.tpu.image=x", "tpu"),
        ("serviceAccount.nmae=x", "nmae"),
        ("rbac.create=perhaps", "rbac"),
        ("metrics.enabled=true", "enabled"),
        ("resources.limit.memory=1Gi", "limit"),
        ("runAsUser=0", "runAsUser"),
        ("podLabels.replicas=3", "podLabels"),
        ("tolerations[0].efect=NoSchedule", "efect"),
        ("affinity.nodeAfinity.x=1", "nodeAfinity"),
        ("replicas=2", "replicas"),
        ("global.imageRegistry=https://r.example.com", "imageRegistry"),
        ("image.registry=r.example.com/", "registry"),
        ("modelPods.imagePullSecrets={a}", "imagePullSecrets"),
        ("sweepSeconds=1", "sweepSeconds"),
        ("maxModelBytes=20Gi", "maxModelBytes"),
        ("fetchTimeoutSeconds=0", "fetchTimeoutSeconds"),
        ("inspection.resources.limits.memory=4GB", "memory"),
        ("fetch.resources.limits.gpu=1", "gpu"),
        ("trustBundle.pem=MIIB", "pem"),
        ("trustBundle.configMap=corporate", "configMap"),
        ("proxy.https=proxy:3128", "https"),
        ("proxy.https=http://me:secret@proxy:3128", "https"),
        ("proxy.secretName=Proxy/User", "secretName"),
        ("proxy.noProxy=localhost", "noProxy"),
        ("metrics.serviceMonitor.enable=true", "enable"),
        ("metrics.serviceMonitor.interval=often", "interval"),
        ("rbac.aggregate=true", "aggregate"),
        ("podMonitor.interval=often", "interval"),
        ("autoscaling.scrapeSeconds=0.1", "scrapeSeconds"),
        ("autoscaling.scrapeSeconds=61", "scrapeSeconds"),
        ("autoscaling.prometheus.url=prometheus:9090", "url"),
        ("autoscaling.prometheus.url=http://me:secret@prometheus", "url"),
        ("autoscaling.prometheus.token=secret", "token"),
        ("autoscaling.prometheus.tokenSecret=prometheus", "tokenSecret"),
        ("autoscaling.prometheus.headersSecret.keys={X A}", "keys"),
        ("autoscaling.prometheus.matchers.my-cluster=a", "my-cluster"),
        ("autoscaling.prometheus.namespaceLabel=", "namespaceLabel"),
    ],
)
def test_a_wrong_value_is_refused_by_name(setting: str, complaint: str) -> None:
    answer = template(settings=(setting,))

    assert answer.returncode != 0
    assert "values.schema.json" in answer.stderr or "don't meet the specifications" in answer.stderr
    assert complaint in answer.stderr


def test_a_release_without_quotes_is_refused_before_it_loses_its_zero(tmp_path: Path) -> None:
    unquoted = tmp_path / "values.yaml"
    unquoted.write_text("triton: {cpu: {image: x, release: 26.10}}\n")

    answer = template((unquoted,))

    assert answer.returncode != 0
    assert "release" in answer.stderr


def test_the_chart_works_inside_another_chart(tmp_path: Path) -> None:
    # Helm then adds `global` to the values.
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: platform, version: 1.0.0}\n")
    shutil.copytree(CHART, tmp_path / "charts" / "triton-operator")

    answer = template(settings=("global.region=eu", "triton-operator.workers=3"), chart=tmp_path)

    assert answer.returncode == 0, answer.stderr
    assert "--workers=3" in answer.stdout


def properties(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    if not schema.get("properties"):
        yield path
    for name, one in schema.get("properties", {}).items():
        yield from properties(one, f"{path}.{name}".removeprefix("."))


def leaves(values: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(values, dict) and path not in FREE:
        for name, one in values.items():
            yield from leaves(one, f"{path}.{name}".removeprefix("."))
    else:
        yield path, values


FREE = {
    "affinity",
    "autoscaling.prometheus.matchers",
    "fetch.resources.limits",
    "fetch.resources.requests",
    "inspection.resources.limits",
    "inspection.resources.requests",
    "metrics.service.annotations",
    "metrics.serviceMonitor.labels",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "podMonitor.labels",
    "resources.limits",
    "resources.requests",
    "serviceAccount.annotations",
}
"""Maps whose keys are the user's."""


def test_the_schema_names_exactly_the_values_there_are() -> None:
    known = {path for path in properties(SCHEMA) if not path.startswith("affinity")}

    assert known == {path for path, _ in leaves(DEFAULTS)} - {"affinity"}


def test_the_values_that_are_all_set_are_all_different() -> None:
    files = ("every-value.yaml", "fleet.yaml")
    every = {
        path: value
        for name in files
        for path, value in leaves(yaml.safe_load((VALUES / name).read_text()))
    }

    # Excluded by trustBundle.pem.
    same = {path for path, default in leaves(DEFAULTS) if every.get(path, default) == default}
    assert same == {"trustBundle.configMap.name"}
