"""Plan -> Kubernetes objects, as plain dicts. One builder per kind, all pure."""
