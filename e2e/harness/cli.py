"""`python -m e2e.harness`: the harness for people and for the Makefile.

Exit codes: 0 done, 1 failed (stderr says what, where and what to do), 2 wrong usage, 3 `status`:
not up.
"""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Sequence
from typing import Any

from e2e.harness import binaries, images
from e2e.harness.cluster import DRIVERS, Cluster, choose
from e2e.harness.errors import HarnessError
from e2e.harness.leftovers import leftovers
from e2e.harness.native import NativeCluster
from e2e.harness.processes import log_tail
from e2e.harness.progress import say
from e2e.harness.topology import Topology
from e2e.harness.versions import TOOLS

DONE, FAILED, NOT_UP = 0, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cluster = choose(options.driver, Topology(internet=getattr(options, "internet", False)))
        code: int = options.run(cluster, options)
        return code
    except HarnessError as error:
        say(f"✗ {error}")
        return FAILED
    except KeyboardInterrupt:
        say("✗ interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m e2e.harness",
        description="Starts and stops a real Kubernetes cluster on this machine.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the cluster is not up (status).",
    )
    parser.add_argument(
        "--driver",
        choices=DRIVERS,
        default="auto",
        help="auto (default): kind where a Docker engine answers, else native",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    up = command("up", _up, "start the cluster, if it is not up already")
    up.add_argument("--internet", action="store_true", help="native: let pods reach the outside")
    command("down", _down, "remove the cluster and everything it left on the machine")
    status = command("status", _status, "say whether the cluster is up and what it consists of")
    status.add_argument("-o", "--output", choices=("text", "json"), default="text")
    command("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")
    for name, run, text in (
        ("images", _images, "build images into the cache and print their references"),
        ("load", _load, "build images and load them into the cluster"),
    ):
        found = command(name, run, text)
        known = (*images.PROJECT_IMAGES, images.PAUSE)
        found.add_argument("names", nargs="*", metavar="IMAGE", help=", ".join(known))
    found = command("binaries", _binaries, "find, download or build tools and print their paths")
    found.add_argument("names", nargs="*", metavar="TOOL", help=", ".join(TOOLS))
    found = command("logs", _logs, "print the end of the components' logs")
    found.add_argument("names", nargs="*", metavar="COMPONENT", help="all by default")
    found.add_argument("--bytes", type=int, default=4000, help="how much of each (4000)")
    return parser


def _up(cluster: Cluster, _: argparse.Namespace) -> int:
    cluster.up()
    say(f"✓ the {cluster.driver} cluster is up: export KUBECONFIG={cluster.kubeconfig}")
    return DONE


def _down(cluster: Cluster, _: argparse.Namespace) -> int:
    cluster.down()
    return DONE


def _kubeconfig(cluster: Cluster, _: argparse.Namespace) -> int:
    if not cluster.kubeconfig.exists():
        raise HarnessError(f"the cluster {cluster.name} is not up: run `up` first")
    print(cluster.kubeconfig)
    return DONE


def _images(_: Cluster, options: argparse.Namespace) -> int:
    for built in images.ensure_images(_known_images(options.names)).values():
        print(built.reference)
    return DONE


def _load(cluster: Cluster, options: argparse.Namespace) -> int:
    built = images.ensure_images(_known_images(options.names)).values()
    cluster.load(*built)
    for image in built:
        print(image.reference)
    return DONE


def _binaries(_: Cluster, options: argparse.Namespace) -> int:
    for name in options.names or (*binaries.NATIVE_CLUSTER, "kubeconform"):
        print(binaries.ensure(name))
    return DONE


def _status(cluster: Cluster, options: argparse.Namespace) -> int:
    problems = cluster.problems()
    report: dict[str, Any] = {
        "name": cluster.name,
        "driver": cluster.driver,
        "up": not problems,
        "problems": problems,
        "kubeconfig": str(cluster.kubeconfig) if not problems else None,
        "nodes": cluster.node_names() if not problems else [],
        "images": {name: _image_status(name) for name in images.PROJECT_IMAGES},
    }
    if problems and isinstance(cluster, NativeCluster):
        report["leftovers"] = leftovers(cluster.topology)
    if options.output == "json":
        print(json.dumps(report, indent=2))
    else:
        for key, value in report.items():
            print(f"{key}: {value}")
    return DONE if not problems else NOT_UP


def _image_status(name: str) -> dict[str, Any]:
    try:
        found = images.image(name)
    except HarnessError as error:
        return {"error": str(error)}
    return {
        "reference": found.reference,
        "devReference": found.dev_reference,
        "archive": str(found.archive),
        "built": found.archive.exists(),
    }


def _logs(cluster: Cluster, options: argparse.Namespace) -> int:
    logs = {path.stem: path for path in sorted((cluster.folder / "log").glob("*.log"))}
    for name in options.names or logs:
        if name not in logs:
            raise HarnessError(f"no log of {name!r}; there are: {', '.join(logs) or 'none'}")
        print(f"{name}: {log_tail(logs[name], options.bytes)}")
    return DONE


def _known_images(names: Sequence[str]) -> Sequence[str]:
    known = (*images.PROJECT_IMAGES, images.PAUSE)
    for name in names:
        if name not in known:
            raise HarnessError(f"unknown image {name!r}; one of {', '.join(known)}")
    return names or tuple(images.PROJECT_IMAGES)
