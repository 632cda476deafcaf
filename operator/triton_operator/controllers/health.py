"""What the probes say. A restart has to be able to cure what makes the process not alive."""

from collections.abc import Callable
from dataclasses import dataclass

from triton_operator.controllers.keys import Key
from triton_operator.controllers.namespaces import Namespaces
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.traffic import Traffic
from triton_operator.controllers.watch_streams import WatchStreams

STUCK_SECONDS = 600.0
"""No reconcile takes this long: each of its few requests ends after 30 s, and one that fails ends
the reconcile."""
SILENT_SECONDS = 300.0
"""Kopf takes a stream up again that was silent for 70 s."""
UNREACHABLE_SECONDS = 100.0
"""Longer than the silence of a stream that lives; a restart of an API server is shorter."""


@dataclass(frozen=True)
class Health:
    """Alive and ready, by what can be seen from inside. That the event loop runs shows in the
    answer itself.

    `is_complete` tells whether the first listing is in the store.
    """

    queue: KeyQueue[Key]
    streams: WatchStreams
    traffic: Traffic
    namespaces: Namespaces
    is_complete: Callable[[], bool]

    def illnesses(self) -> list[str]:
        """Why the process should be restarted: workers or watches that are dead.

        An API server that does not answer is no illness of this process: a restart would lose what
        is known, and the restarts after it would be put off by the kubelet.
        """
        found = []
        if (seconds := self.queue.longest_running()) > STUCK_SECONDS:
            found.append(f"a worker has been busy with one key for {seconds:.0f} s")
        if not self.is_reachable():
            return found
        for kind, age in self.streams.ages().items():
            if age > SILENT_SECONDS:
                found.append(
                    f"the watch of {kind} has been silent for {age:.0f} s, "
                    "although the API server answers"
                )
        return found

    def hindrances(self) -> list[str]:
        """Why nothing should rely on this process: it does not know the cluster, or not any more.

        Whether it leads does not matter: a follower is as ready as can be. Nor does one namespace
        of several that is lost, since the others need this process. Being not ready stops a rollout
        whose new pods cannot reach the API server, and tells a disruption budget the truth.
        """
        found = []
        if not self.is_complete():
            found.append("the first listing is not complete")
        if not self.is_reachable():
            found.append(f"no answer from the API server for {UNREACHABLE_SECONDS:.0f} s")
        if self.namespaces.all_are_lost:
            found.append("none of the watched namespaces can be read")
        return found

    def is_reachable(self) -> bool:
        """Whether the API server was heard of lately, by an answer or on a watch stream."""
        ages = (self.traffic.answer_age(), self.streams.youngest_age())
        return any(age is not None and age <= UNREACHABLE_SECONDS for age in ages)
