"""What would be made to measure one way to run a model on one pool. Pure."""

from dataclasses import dataclass
from typing import Any

from triton_operator.api.conversion_method import copy_name
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.side_jobs import job_named
from triton_operator.controllers.views import JobView
from triton_operator.manifests.config_map import model_config_map
from triton_operator.manifests.measurement_job import measurement_job, measures
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.planning.candidate import most_ways, seconds_for_each
from triton_operator.planning.compute import instance_words
from triton_operator.planning.plan import PoolPlan


@dataclass(frozen=True)
class Work:
    """The Job, in at most `seconds` once the model is loaded, its config, and what runs there then:
    the way with that `number`, from 1, of all `ways` that are compared on the pool.

    `key` is the same for services that have the same to find out.
    """

    ran: PoolPlan
    number: int
    ways: int
    seconds: int
    config_map: dict[str, Any]
    job: dict[str, Any]
    key: str

    @property
    def name(self) -> str:
        """Of the Job."""
        return str(self.job["metadata"]["name"])

    @property
    def objects(self) -> tuple[dict[str, Any], ...]:
        """In the order in which they are written."""
        return (self.config_map, self.job)

    @property
    def way(self) -> str:
        """How the model runs there, in words."""
        ran = self.ran
        by = f" by {ran.engine}" if ran.engine else ""
        instances = instance_words(ran.instances, ran.threads)
        what = copy_name(ran.precision) if ran.copy else ran.precision
        return f"{what}{by} with {instances} on pool {ran.pool.name}"

    @property
    def words(self) -> str:
        """What the Job does."""
        progress = f" ({self.number} of {self.ways})" if self.ways > 1 else ""
        return (
            f"Job {self.name} measures {self.way}{progress}, for at most {self.seconds} s once it "
            "is loaded; its log has each batch size"
        )


def work_for(
    observed: Observed,
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    row: PoolPlan,
    number: int,
    ways: int,
) -> Work:
    """What measures one of so many ways to run, that of `row`, which is `number` among them.

    A Job that is there keeps the part of the budget that it has begun with: a copy that is there
    since then leaves less for each way, which is no reason to measure anew, nor to try again what
    has failed.
    """
    config = pool_configs(owner, facts, row)
    key = measures(digest, facts, row, spec.model.samples)

    def made(parts: int) -> Work:
        seconds = seconds_for_each(spec, parts)
        return Work(
            ran=row,
            number=number,
            ways=ways,
            seconds=seconds,
            config_map=model_config_map(owner, row.pool.name, config),
            job=measurement_job(owner, spec, digest, facts, row, config, observed.fetch, seconds),
            key=key,
        )

    work = made(ways)
    if job_named(observed, work.name) is None and _has_job_of(observed, key):
        others = (made(count) for count in range(1, most_ways(row.pool) + 1))
        return next((one for one in others if job_named(observed, one.name)), work)
    return work


def _has_job_of(observed: Observed, key: str) -> bool:
    return any(isinstance(one, JobView) and one.measures == key for one in observed.children)
