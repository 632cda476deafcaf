"""Starts real Kubernetes on one Linux machine: binaries, images, control plane, node, and a clean
way down.

Entry points: `python -m e2e.harness` (see `cli`), `controlplane.ControlPlane` for tests that need
an API server but no node, and `cluster.choose()` for a whole cluster (kind or native) behind one
protocol.
"""
