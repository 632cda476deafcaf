"""Installs the operator into a cluster as a user would: images, then the chart by Helm."""

from __future__ import annotations

from collections.abc import Sequence

from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster
from e2e.harness.commands import run
from e2e.harness.errors import CommandFailedError, HarnessError
from e2e.harness.images import BuiltImage, ensure_images
from e2e.harness.kubectl import Kubectl
from e2e.harness.paths import REPOSITORY
from e2e.harness.progress import step

NAMESPACE = "triton-system"
RELEASE = "triton-operator"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
"""Label of a namespace that admits only pods of the `restricted` Pod Security Standard."""
CODE_NAMESPACE = "e2e-code"
"""The one whose models may execute code."""
TRITON_CPU_RELEASE = "24.10"
"""What images/triton-cpu embeds: tritonserver 2.51."""


def install_operator(cluster: Cluster, *settings: str) -> None:
    """Build and load the images, install or upgrade the chart, and wait until it is ready.

    `settings` are values of the chart, as `--set` takes them.
    """
    images = ensure_images(["operator", "triton-cpu"])
    with step("loading the images into the cluster"):
        cluster.load(*images.values())
    operator, triton = images["operator"], images["triton-cpu"]
    with step("installing the chart"):
        # Helm installs CRDs once and never upgrades them; a developer's cluster must follow.
        run(
            [
                *(ensure("kubectl"), "--kubeconfig", cluster.kubeconfig),
                *("apply", "--server-side", "--force-conflicts"),
                *("-f", REPOSITORY / "crds"),
            ]
        )
        _restricted_home(Kubectl(cluster.kubeconfig))
        _helm_install(cluster, operator, triton, settings)


def _restricted_home(kubectl: Kubectl) -> None:
    metadata = {"name": NAMESPACE, "labels": dict([RESTRICTED.split("=")])}
    kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])


def _helm_install(
    cluster: Cluster, operator: BuiltImage, triton: BuiltImage, settings: Sequence[str]
) -> None:
    try:
        run(
            [
                *(ensure("helm"), "--kubeconfig", cluster.kubeconfig),
                *("upgrade", RELEASE, REPOSITORY / "charts" / "triton-operator"),
                *("--install", "--namespace", NAMESPACE),
                *("--skip-crds", "--wait", "--timeout", "3m"),
                *("--set", f"image.repository={operator.repository}"),
                *("--set", f"image.tag={operator.tag}"),
                *("--set", f"triton.cpu.image={triton.reference}"),
                *("--set-string", f"triton.cpu.release={TRITON_CPU_RELEASE}"),
                *("--set", f"codeNamespaces={{{CODE_NAMESPACE}}}"),
                *(part for setting in settings for part in ("--set", setting)),
            ],
            timeout_seconds=240,
        )
    except CommandFailedError as error:
        kubectl = Kubectl(cluster.kubeconfig)
        pods = kubectl("-n", NAMESPACE, "get", "pods")
        logs = kubectl("-n", NAMESPACE, "logs", "deployment/triton-operator", "--tail=30")
        raise HarnessError(f"{error}\n{pods}\n{logs}") from error


def uninstall_operator(cluster: Cluster) -> None:
    """Remove the release; services that it made go on serving."""
    run(
        [
            *(ensure("helm"), "--kubeconfig", cluster.kubeconfig),
            *("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "2m"),
        ],
        timeout_seconds=180,
    )
