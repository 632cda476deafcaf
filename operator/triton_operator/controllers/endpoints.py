"""The operator's own HTTP endpoints: /metrics, /healthz, /readyz, and /decisions."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.controllers.decisions_endpoint import decision_routes

STOP_SECONDS = 0.5
"""How long a stop waits for answers under way; a scraper's open connection does not hold it up."""


class Health(Protocol):
    """What the probes say, one reason a line; none: all is well."""

    def illnesses(self) -> list[str]:
        """Why the process should be restarted."""

    def hindrances(self) -> list[str]:
        """Why nothing should rely on it."""


def endpoints(
    collector: Collector, health: Health, decisions: DecisionLog | None = None
) -> web.Application:
    """The application. Probes answer 503 with one reason a line."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def alive(_: web.Request) -> web.Response:
        return _answer("alive", health.illnesses())

    async def ready(_: web.Request) -> web.Response:
        return _answer("ready", health.hindrances())

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/healthz", alive)
    application.router.add_get("/readyz", ready)
    if decisions is not None:
        application.router.add_routes(decision_routes(decisions))
    return application


async def serve(application: web.Application, port: int) -> web.AppRunner:
    """Answer at `port` of every address; 0: nowhere. The runner's `cleanup` ends it."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    if port:
        await web.TCPSite(runner, port=port).start()
    return runner


def _answer(good: str, problems: Sequence[str]) -> web.Response:
    return web.Response(text="\n".join(problems or [good]) + "\n", status=503 if problems else 200)
