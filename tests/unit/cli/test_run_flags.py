"""Wrong flags of `run` are refused by name before anything starts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triton_operator.cli.companion_flags import operator_of, peers_of
from triton_operator.cli.fetch_flags import direct_names, proxy_address, proxy_of
from triton_operator.cli.main import app
from triton_operator.manifests.companions import PROMETHEUS
from triton_operator.manifests.proxy import Proxy


@pytest.mark.parametrize(
    ("flag", "value", "complaint"),
    [
        ("--https-proxy", "proxy:3128", "http://HOST:PORT"),
        ("--https-proxy", "socks5://proxy:1080", "http://HOST:PORT"),
        ("--https-proxy", "http://proxy:99999", "http://HOST:PORT"),
        ("--https-proxy", "http://proxy/path", "http://HOST:PORT"),
        ("--http-proxy", "http://me:secret@proxy:3128", "could be read in every pod"),
        ("--proxy-secret", "Proxy/User", "no name of a Secret"),
        ("--no-proxy", "example.com http://x", "no host, domain"),
        ("--no-proxy", "10.0.0.0/40", "no host, domain"),
        ("--image-pull-secret", "Registry", "no name of a Secret"),
        ("--ca-bundle-file", "/not/there", "cannot be read"),
        ("--fetch-resources", '{"limits": {"cpu": "many"}}', "limits.cpu"),
        ("--inspection-resources", "1Gi", "no JSON"),
        ("--pod-monitor-label", "release", "is not KEY=VALUE"),
        ("--pod-monitor-label", "re lease=a", "is no key of a label"),
        ("--pod-monitor-interval", "5 s", "no time of Prometheus"),
        ("--prometheus-peers", "prometheus", "the list: Invalid JSON"),
        ("--prometheus-peers", '[{"podSelector": {"matchLabels": {"a": "b c"}}}]', "0.podSelector"),
        ("--prometheus-peers", '[{"podSelector": {}}, {}]', "1: needs a namespaceSelector"),
        ("--operator-peer", "operator", "the object: Invalid JSON"),
        ("--operator-peer", '{"podSelector": {"matchLabels": {"a": "b c"}}}', "podSelector"),
        ("--operator-peer", '{"podSelector": {}}', "needs a namespaceSelector and a podSelector"),
    ],
)
def test_a_wrong_flag_is_refused_by_name(flag: str, value: str, complaint: str) -> None:
    result = CliRunner().invoke(app, ["run", "--image", "x", flag, value])

    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert flag in said
    assert complaint in said
    assert "secret@" not in said


@pytest.mark.parametrize("address", ["", "http://proxy:3128", "https://proxy.example.com/"])
def test_a_proxy_is_taken(address: str) -> None:
    assert proxy_address(address) == address


def test_names_without_proxy_are_split() -> None:
    given = "localhost, .example.com,*.example.org,10.0.0.0/8,fd00::/8,[fd00::1],host:8443,*"

    assert direct_names(given) == given
    assert proxy_of("http://p", "", " a , b,") == Proxy(https="http://p", no=("a", "b"))


def test_the_folder_of_a_test_is_no_bundle(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--image", "x", "--ca-bundle-file", str(tmp_path)])

    assert "Is a directory" in result.output


def test_prometheus_is_found_by_its_usual_label_unless_peers_are_named() -> None:
    assert peers_of("") == PROMETHEUS
    assert peers_of("[]") == ()
    (peer,) = peers_of('[{"namespaceSelector": {"matchLabels": {"a": "b"}}}]')
    assert peer.wire() == {"namespaceSelector": {"matchLabels": {"a": "b"}}}


def test_an_operator_outside_of_the_cluster_is_no_peer() -> None:
    assert operator_of("") is None
    both = {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}}
    peer = operator_of(json.dumps(both))
    assert peer
    assert peer.wire() == both
