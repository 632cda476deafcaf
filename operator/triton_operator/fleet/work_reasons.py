"""What an agent says of an InferenceWork: the condition `Applied`, and its reasons.

`Available` is as the member's operator says it of the service.
"""

APPLIED = "Applied"
"""Condition: the service is as the work says."""

IN_FORCE = "InForce"
"""The revision of the work is in force."""
STALE_REVISION = "StaleRevision"
"""A higher revision is in force: the hub was restored from a backup."""
HUB_CHANGED = "HubChanged"
"""The service came from another hub, and nobody has allowed this one to take it over."""
NAMESPACE_MISSING = "NamespaceMissing"
"""The target's namespace does not exist in the cluster."""
KIND_MISSING = "KindMissing"
"""The cluster does not know InferenceServices."""
UNREADABLE_WORK = "UnreadableWork"
"""The work lacks a field that the agent needs."""
CLUSTER_SILENT = "ClusterSilent"
"""The cluster's own API server cannot be used; nothing is known of the service."""
CHANGED_MEANWHILE = "ChangedMeanwhile"
"""Somebody else wrote at the same time; it is tried again."""
DELETING = "Deleting"
"""The service is being deleted, and is not gone yet."""
DELETED = "Deleted"
"""Nothing that came from the work is left: the hub may forget it."""
