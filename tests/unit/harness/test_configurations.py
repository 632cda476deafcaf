"""What is handed to the components parses, and says what the cluster relies on."""

import json
import tomllib
from pathlib import Path

import pytest

from e2e.harness import containerd, dns, kubeconfig, node, volumes
from e2e.harness.pki import Authority, Pair
from e2e.harness.record import Record
from e2e.harness.topology import Topology

TOPOLOGY = Topology()


def test_containerd_keeps_to_its_own_folders():
    document = tomllib.loads(containerd.configuration(TOPOLOGY, "localhost/pause:1"))

    cri = document["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == "localhost/pause:1"
    assert cri["restrict_oom_score_adj"] is True
    assert document["state"].startswith(str(TOPOLOGY.folder))
    assert document["root"] == str(TOPOLOGY.containerd_root)


@pytest.mark.parametrize(
    ("internet", "destination"), [(False, "198.18.0.0/15"), (True, "0.0.0.0/0")]
)
def test_pods_leave_the_machine_only_if_asked(internet, destination):
    plugin = json.loads(containerd.pod_network(Topology(internet=internet)))["plugins"][0]

    assert plugin["ipam"]["routes"] == [{"dst": destination}]
    assert plugin["ipMasq"] is internet


def test_dns_of_a_closed_cluster_forwards_nothing():
    closed = dns.corefile(TOPOLOGY, Path("/k"), "dev", 8181)
    opened = dns.corefile(Topology(internet=True), Path("/k"), "dev", 8181)

    assert "forward" not in closed
    assert "NXDOMAIN" in closed
    assert "forward . /etc/resolv.conf" in opened


def test_kubelet_serves_on_the_nodes_address_alone():
    document = node.kubelet_configuration(TOPOLOGY, Path("/ca"), Pair(Path("/c"), Path("/k")))

    assert document["address"] == TOPOLOGY.node_ip
    assert document["clusterDNS"] == [TOPOLOGY.node_ip]
    assert document["authentication"]["anonymous"] == {"enabled": False}


def test_a_volume_is_bound_to_its_claim_from_the_start():
    volume, claim = volumes.volume_and_claim("serving", "models", "/data", "dev-node")

    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"] == {
        "namespace": claim["metadata"]["namespace"],
        "name": claim["metadata"]["name"],
    }
    assert volume["spec"]["accessModes"] == claim["spec"]["accessModes"]


def test_a_record_survives_the_disk(tmp_path):
    record = Record(tmp_path, sysctls={"vm/x": "1"}, chains={"iptables": {"nat KUBE-A"}})
    record.save()

    assert Record.load(tmp_path) == record
    assert record.of_this_boot()
    assert Record.load(tmp_path / "elsewhere") is None


def test_a_kubeconfig_is_private(tmp_path):
    authority = Authority.create(tmp_path / "pki")
    pair = authority.issue("admin", "/O=system:masters/CN=admin")
    target = tmp_path / "k" / "config"

    kubeconfig.write(target, name="x", url="https://[::1]:1", ca=authority.pair.cert, client=pair)

    assert target.stat().st_mode & 0o777 == 0o600
