"""What a reconcile sees, and what it wants done: the two values around every pure decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.controllers.cluster_events import Events
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.controllers.views import JobView, ObjectView, ServiceView
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import Pool
from triton_operator.triton.model_devices import ModelDevices


@dataclass(frozen=True)
class ApplyProblem:
    """A child that could not be written: a reason of `api.reasons`, and what to do."""

    reason: str
    message: str


@dataclass(frozen=True)
class InvalidProfile:
    """A ModelProfile that does not follow the API: its name, the first wrong field and why."""

    name: str
    problem: str


@dataclass(frozen=True)
class DeviceQuestion:
    """What to ask a pod: on which device it runs `model`. `instance` names one start of it."""

    instance: str
    address: str
    model: str


@dataclass(frozen=True)
class FoundOut:
    """What was found out here about one model: how fast it is, and how its copies compare."""

    measured: tuple[Measurement, ...] = ()
    converted: tuple[Conversion, ...] = ()


@dataclass(frozen=True)
class Observed:
    """Everything that a reconcile of one InferenceService may look at.

    `profiles` holds the facts by digest, for the digests that the service names, or the profile
    that should have them and is not valid. `autoscalers` maps Deployments to the HPA that scales
    them. `now` is in seconds since the epoch (UTC). `events` are those about children that do not
    say themselves why they do not go on. `free_accelerators` maps the pools in use to the most
    accelerators that one of their nodes may still have free; a pool of which nothing is known is
    not in it. `devices` has what pods have answered about their model's device, by instance.
    `measurements` are those of the profiles, by digest, where there are any, and `measured` those
    in the operator's own; `conversions` are the profiles' rows of copies, by digest, `converted`
    those in its own, `found_out` both of them by the digests of all models that may be served, and
    `tool_versions` those of what would convert here. `jobs_elsewhere` are the Jobs of other
    services in the namespace that measure or convert; nobody looks for them unless something is to
    be found out here. `measuring_problem` is what was refused of that, and `routing_problem` of
    what leads requests here. `scaling` is what the autoscaler said last; None: nothing yet. Pods
    that are `aside` are to get no new requests; None: leave them as they are. `optional_kinds`:
    those that the API server knows.
    """

    service: ServiceView
    children: tuple[ObjectView, ...]
    profiles: Mapping[str, ModelFacts | InvalidProfile]
    pools: tuple[Pool, ...]
    autoscalers: Mapping[str, str]
    fetch: FetchSettings
    now: float
    problem: ApplyProblem | None = None
    measuring_problem: ApplyProblem | None = None
    routing_problem: ApplyProblem | None = None
    events: Events = field(default_factory=dict)
    companions: Companions = NO_COMPANIONS
    optional_kinds: frozenset[str] = frozenset()
    free_accelerators: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, ModelDevices] = field(default_factory=dict)
    measurements: Mapping[str, tuple[Measurement, ...]] = field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()
    conversions: Mapping[str, tuple[Conversion, ...]] = field(default_factory=dict)
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    converted: tuple[Conversion, ...] = ()
    found_out: Mapping[str, FoundOut] = field(default_factory=dict)
    jobs_elsewhere: tuple[JobView, ...] = ()
    scaling: ScalingAnswer | None = None
    aside: frozenset[str] | None = None


@dataclass(frozen=True)
class EventDraft:
    """A Kubernetes Event before it has a name and a time."""

    type: str
    reason: str
    action: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What is wanted: objects in the order to write them, replicas, deletions, status, events.

    `measuring` are objects that nothing else depends on, written last: if they are refused, all
    else stays as it is. `ways` lead requests to the service; if one is refused, nothing that a
    route may still name is deleted, and all else goes on. `status` is None where none can be
    written. `replicas` maps Deployments to replicas; only those that differ are written, through
    the scale subresource. `removable` names pods by Deployment in the order in which they should go
    where replicas become fewer.
    `device_questions` may be asked of pods, without waiting for answers, and `scaling_question` of
    the autoscaler. `traffic` are labels by pod that say whether it gets new requests, where they
    differ.
    """

    status: dict[str, Any] | None
    apply: tuple[dict[str, Any], ...] = ()
    measuring: tuple[dict[str, Any], ...] = ()
    ways: tuple[dict[str, Any], ...] = ()
    replicas: Mapping[str, int] = field(default_factory=dict)
    delete: tuple[ObjectView, ...] = ()
    events: tuple[EventDraft, ...] = ()
    requeue_after_seconds: float | None = None
    removable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    device_questions: tuple[DeviceQuestion, ...] = ()
    scaling_question: ScalingQuestion | None = None
    traffic: Mapping[str, str] = field(default_factory=dict)
