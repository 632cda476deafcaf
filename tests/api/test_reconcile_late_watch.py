"""Workers at a real API server whose watches are silent: all that they hear are their own answers.

The operator's parts are joined as in the process, without kopf.
"""

import asyncio
import time
from pathlib import Path

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api import model_facts
from tests.api.client import Api, Object
from tests.api.operator_process import CPU_IMAGE, GPU_IMAGE, OWN_IMAGE
from tests.still_autoscaler import StillAutoscaler
from triton_operator.api.group import API_VERSION
from triton_operator.controllers import kinds
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import connect
from triton_operator.controllers.controller import Controller
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.keys import Key
from triton_operator.controllers.queue import KeyQueue
from triton_operator.controllers.store import Store
from triton_operator.controllers.writer import Writer
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.planning.pools import PoolDefaults
from triton_operator.triton.releases import NEWEST

DEFAULTS = PoolDefaults(CPU_IMAGE, str(NEWEST), GPU_IMAGE, str(NEWEST))
LONGEST_SECONDS = 30


def test_an_edit_that_an_answer_tells_of_is_carried_out(
    api: Api, control_plane: ControlPlane, namespace: str
) -> None:
    """The answer to a status write holds the user's newest spec, before the watch tells of it; what
    the watch tells then is nothing new. After an API server's restart, for example, the watches of
    custom resources come back last. Whoever hears of an edit first has to carry it out.
    """
    model = {"uri": model_facts.URI, "digest": model_facts.digest(1)}
    profile = api.create(profile_of_facts(namespace, model_facts.digest(1), model_facts.facts(1)))
    service = api.create(
        {
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "metadata": {"name": "a", "namespace": namespace},
            "spec": {"model": model, "hardware": {"resources": {"cpu": "2"}}},
        }
    )
    edited = api.merge(service, {"spec": {"hardware": {"resources": {"cpu": "3"}}}})

    asyncio.run(work(control_plane.kubeconfig, service, profile))

    deployment = {**service, "apiVersion": "apps/v1", "kind": "Deployment"}
    deployment["metadata"] = {"name": "a-cpu", "namespace": namespace}
    (container,) = api.get(deployment)["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["cpu"] == "3"
    assert api.get(service)["status"]["observedGeneration"] == edited["metadata"]["generation"]


async def work(kubeconfig: Path, service: Object, profile: Object) -> None:
    """Let one worker reconcile what was once seen of a service, until nothing is left to do."""
    connection = await connect(kubeconfig)
    loop = asyncio.get_running_loop()
    store = Store()
    queue: KeyQueue[Key] = KeyQueue(clock=loop.time, call_later=loop.call_later)
    server = ApiServer(connection)
    writer = Writer(server, store, concern=lambda keys: controller.concern(keys))
    controller = Controller(
        store=store,
        queue=queue,
        server=server,
        writer=writer,
        announcer=Announcer(server, "tests", clock=time.time, suffix=lambda: "0"),
        events=EventReader(server, loop.time),
        devices=DeviceReader(lambda keys: controller.concern(keys), loop.time),
        autoscaler=StillAutoscaler(store, lambda keys: controller.concern(keys)),
        fetch=FetchSettings(OWN_IMAGE),
        defaults=DEFAULTS,
        now=time.time,
    )
    worker = asyncio.create_task(controller.work())
    try:
        # The pools first: a new set of them would wake the service once more.
        for kind, seen in ((kinds.MODEL_PROFILE, profile), (kinds.INFERENCE_SERVICE, service)):
            controller.concern(store.put(kind, seen))
            await asyncio.to_thread(
                wait_until,
                "waiting for the end of the work",
                lambda: queue.idle,
                timeout_seconds=LONGEST_SECONDS,
            )
    finally:
        queue.close()
        await worker
        await connection.session.close()
