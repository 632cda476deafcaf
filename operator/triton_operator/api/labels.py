"""Every label and annotation key of the operator, in one place."""

from triton_operator.api.group import GROUP

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"

SERVICE = f"{GROUP}/service"
POOL = f"{GROUP}/pool"
OWNER_UID = f"{GROUP}/owner-uid"
ROLE = f"{GROUP}/role"
"""What a pod is for: `serve`, `inspect`, `measure` or `convert`."""
TRAFFIC = f"{GROUP}/traffic"
"""Whether a serving pod gets new requests: `open`, as it begins, or `aside`. Services select it."""
MEASURES = f"{GROUP}/measures"
"""On a Job: a hash of what it finds out (how fast a model is on some hardware, how a copy compares
with it), the same for every service."""

DESIRED_HASH = f"{GROUP}/desired-hash"
"""Annotation: hash of the object as the operator wants it; equal hash, no write."""
CONFIG_HASH = f"{GROUP}/config-hash"
"""Annotation on the pod template: a new config is a new template, so Kubernetes rolls it out."""
STATED_MEMORY = f"{GROUP}/stated-memory"
"""Annotation on a Deployment whose memory the spec or the pool states: once they do not, it is not
kept."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Annotation of Kubernetes on a pod: of several that may go, those of the lowest cost go first."""

MANAGER = "triton-operator"
SERVE = "serve"
INSPECT = "inspect"
OPEN = "open"
ASIDE = "aside"
MEASURE = "measure"
CONVERT = "convert"

PROMETHEUS_SCRAPE = "prometheus.io/scrape"
PROMETHEUS_PORT = "prometheus.io/port"
PROMETHEUS_PATH = "prometheus.io/path"
