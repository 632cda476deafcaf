"""Asks serving pods on which device their model runs: once each, aside from every reconcile."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping

import aiohttp

from triton_operator.controllers.keys import Key
from triton_operator.controllers.observed import DeviceQuestion
from triton_operator.manifests.service import HTTP_PORT
from triton_operator.triton.model_devices import ModelDevices, model_devices

logger = logging.getLogger(__name__)
AT_ONCE = 8
TIMEOUT = aiohttp.ClientTimeout(total=3.0)
MAX_BYTES = 2**20
"""A config is a few kilobytes; a pod that sends more is not believed."""
AGAIN_SECONDS = 300.0
"""How long a question that failed is not repeated."""


class DeviceReader:
    """Answers by container instance (pod and restart); `concern` hears whose answer has come.

    `clock` gives seconds that never go back. The session is its own: that of the API server would
    show the operator's token to pods.
    """

    def __init__(
        self,
        concern: Callable[[Iterable[Key]], None],
        clock: Callable[[], float],
        port: int = HTTP_PORT,
    ) -> None:
        self._concern = concern
        self._clock = clock
        self._port = port
        self._answers: dict[Key, dict[str, tuple[float, ModelDevices]]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def known(self, key: Key) -> Mapping[str, ModelDevices]:
        """What the pods of a service have answered, or why nothing is known, by instance."""
        return {instance: answer for instance, (_, answer) in self._answers.get(key, {}).items()}

    def ask(self, key: Key, questions: Iterable[DeviceQuestion]) -> None:
        """Ask what is not known yet; answers of instances that are not asked about are dropped."""
        questions = tuple(questions)
        known = self._answers.get(key, {})
        kept = {one.instance: known[one.instance] for one in questions if one.instance in known}
        if kept:
            self._answers[key] = kept
        else:
            self._answers.pop(key, None)
        for question in questions:
            if question.instance in self._asking or self._is_fresh(kept.get(question.instance)):
                continue
            task = asyncio.create_task(self._ask(key, question))
            self._asking[question.instance] = task

    async def close(self) -> None:
        """End what is still asked."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _is_fresh(self, known: tuple[float, ModelDevices] | None) -> bool:
        if known is None:
            return False
        time, answer = known
        return not answer.problem or self._clock() - time < AGAIN_SECONDS

    async def _ask(self, key: Key, question: DeviceQuestion) -> None:
        try:
            async with self._slots:
                answer = await self._answer(question)
            before = self._answers.get(key, {}).get(question.instance)
            self._answers.setdefault(key, {})[question.instance] = (self._clock(), answer)
            if before is None or before[1] != answer:
                self._concern([key])
        finally:
            self._asking.pop(question.instance, None)

    async def _answer(self, question: DeviceQuestion) -> ModelDevices:
        host = f"[{question.address}]" if ":" in question.address else question.address
        url = f"http://{host}:{self._port}/v2/models/{question.model}/config"
        try:
            return model_devices(await self._get(url))
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            problem = str(error)[:200] or "it did not answer in time"
            logger.info("A pod does not tell its device.", extra={"url": url, "why": problem})
            return ModelDevices(problem=problem)

    async def _get(self, url: str) -> Mapping[str, object]:
        """The JSON object at an address within the cluster: no proxy, no redirect, no credentials.

        Raises:
            TimeoutError, aiohttp.ClientError, ValueError: there is no usable answer.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False)
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"it answers with status {response.status}")
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > MAX_BYTES:
                    raise ValueError("its answer is too long")
        try:
            answer = json.loads(body)
        except RecursionError as error:
            raise ValueError("its answer is nested too deeply") from error
        if not isinstance(answer, dict):
            raise ValueError("its answer is no JSON object")
        return answer
