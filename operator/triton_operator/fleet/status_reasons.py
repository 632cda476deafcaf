"""Reasons that a hub gives: of clusters, and of services that it has placed.

Reasons for `Connected` are those of `ConnectionReason`.
"""

REPORTS_ACCEPTED = "ReportsAccepted"
"""Condition of an InferenceCluster: what its agent tells is used."""

DELETED = "Deleted"
"""Of Applied: nothing of the work is left in the cluster."""

PAUSED = "Paused"
"""spec.paused is true."""
MAILBOX_TAKEN = "MailboxTaken"
"""A namespace of the mailbox's name is somebody else's."""
MAILBOX_REFUSED = "MailboxRefused"
"""The API server refuses a part of the mailbox."""
WITHIN_BOUNDS = "WithinBounds"
"""Nothing that the agent tells was refused."""
ABSURD_REPORT = "AbsurdReport"
"""Something that the agent tells cannot be, and is not used."""

ON_CLUSTERS = "OnClusters"
"""Some cluster has a part of the service."""
NO_CLUSTERS = "NoClusters"
"""spec.placement selects no InferenceCluster."""
NONE_FITS = "NoneFits"
"""No cluster that is selected may serve it, or was heard of yet."""
NOT_WRITTEN = "NotWritten"
"""The API server refuses a work."""
IN_FORCE = "InForce"
"""Every cluster that is heard of has applied its work."""
WAITS_FOR_CLUSTERS = "WaitsForClusters"
"""A cluster has not applied its work yet, or refuses it."""
ENOUGH = "Enough"
"""All demand has a place."""
UNPLACED = "Unplaced"
"""Some demand has no place."""
