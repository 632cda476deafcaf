"""An API server in memory, over HTTP, that can misbehave.

Versions, generations, uids, watches with bookmarks and 410, server-side apply with owners of
fields, merge patch, status and scale, garbage collection, namespaces that end, and as much of the
Deployment and Job controllers and of a kubelet as the operator can see. What it shares with a real
API server is compared in `tests/api/test_fake_is_faithful.py`.
"""
