"""Reasons that a hub gives: of clusters, and of services that it has placed.

Reasons for `Connected` are those of `ConnectionReason`.
"""

REPORTS_ACCEPTED = "ReportsAccepted"
"""Condition of an InferenceCluster: what its agent tells is used."""

ANSWERS = "Answers"
"""The cluster's endpoint answers a probe."""
SILENT_ENDPOINT = "SilentEndpoint"
"""Several probes in a row were not answered as they should be."""
NOT_PROBED = "NotProbed"
"""No probe says whether it answers: there is no address, or nobody can tell who answers there."""
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

CREDENTIALS_VALID = "CredentialsValid"
"""Condition of an InferenceCluster: the token of its agent holds."""
TOKEN_HOLDS = "TokenHolds"  # noqa: S105  # a reason
"""There is time until it ends, or until another one is due."""
TOKEN_NEAR_ITS_END = "TokenNearItsEnd"  # noqa: S105
"""Its agent should have asked for another one long ago."""
TOKEN_IS_OVER = "TokenIsOver"  # noqa: S105
"""Its agent cannot reach the hub any more."""
TOKEN_NOT_TOLD = "TokenNotTold"  # noqa: S105
"""Its agent does not say when its token ends."""

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

CANARY_FAILED = "CanaryFailed"
"""A cluster of placement.strategy.canaryClusters does badly with a change: no other one gets it."""
UPDATE_FAILED = "UpdateFailed"
"""A cluster that came after the canaries does badly with a change: no other one gets it."""
