"""Configuration of the node's components: kubelet, kube-proxy, kube-scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from e2e.harness.pki import Pair
from e2e.harness.topology import Topology

KUBELET_PORT = 10250


def kubelet_configuration(topology: Topology, ca: Path, serving: Pair) -> dict[str, Any]:
    """A KubeletConfiguration that works on cgroup v1 and v2 and writes only into the cluster's
    folder.
    """
    folder = topology.folder
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": topology.node_ip,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.cert),
        "tlsPrivateKeyFile": str(serving.key),
        "containerRuntimeEndpoint": f"unix://{topology.containerd_socket}",
        "clusterDNS": [topology.node_ip],
        "clusterDomain": "cluster.local",
        # Pods must not inherit the machine's search domains.
        "resolvConf": "/dev/null",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{topology.cgroup}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        # Eviction must not fire on a nearly full disk, and images are a cache that must stay.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "podLogsDir": str(folder / "pod-logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
    }


def kubelet_flags(topology: Topology, configuration: Path, kubeconfig: Path) -> list[str]:
    """What has no field in the configuration file."""
    return [
        f"--config={configuration}",
        f"--kubeconfig={kubeconfig}",
        f"--root-dir={topology.folder / 'kubelet'}",
        f"--hostname-override={topology.node_name}",
        f"--node-ip={topology.node_ip}",
    ]


def proxy_configuration(
    topology: Topology, kubeconfig: Path, health_port: int, metrics_port: int
) -> dict[str, Any]:
    """A KubeProxyConfiguration: Services answer to pods and to the host itself."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": topology.node_name,
        "bindAddress": topology.node_ip,
        "healthzBindAddress": f"127.0.0.1:{health_port}",
        "metricsBindAddress": f"127.0.0.1:{metrics_port}",
        # The nftables mode needs the nft command.
        "mode": "iptables",
        "clusterCIDR": topology.pod_cidr,
        # Node ports on loopback would need a kernel setting for the whole machine.
        "iptables": {"localhostNodePorts": False},
        "nodePortAddresses": [f"{topology.node_ip}/32"],
        # 0 leaves the conntrack settings alone; they may be read-only.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def scheduler_flags(kubeconfig: Path, port: int) -> list[str]:
    """The default scheduler, alone."""
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
    ]


def write_yaml(target: Path, document: dict[str, Any]) -> Path:
    """Write one YAML document; the path, for chaining."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump(document, sort_keys=False))
    return target
