"""The question of a service to the autoscaler, from its spec, its plan and its profile. Pure."""

from dataclasses import replace

from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import ENSEMBLE, SilentField
from triton_operator.autoscaling.lead_memory import PRIOR_SECONDS
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.controllers.observed import Observed
from triton_operator.manifests import names
from triton_operator.planning.chosen_model import entry_model
from triton_operator.planning.objective import (
    SHARES,
    latency_bound_milliseconds,
    latency_percentile,
)
from triton_operator.planning.plan import Plan, PoolPlan, spills_over
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal


def scaling_question(
    observed: Observed,
    spec: InferenceServiceSpec,
    facts: ModelFacts | None,
    plan: Plan | Refusal | None,
    *,
    rolled_out: bool,
) -> ScalingQuestion | None:
    """What to ask; None where there is no plan, and so nothing to look at.

    `rolled_out`: every pod that there is follows the plan.
    """
    if facts is None or not isinstance(plan, Plan):
        return None
    bounds = plan.replicas
    share = SHARES[latency_percentile(spec)]
    milliseconds = latency_bound_milliseconds(spec)
    pools = _pools(observed, plan, spec, facts)
    if rolled_out:
        pools = tuple(_revised(one, plan, facts) for one in pools)
    else:
        # Pods of the plan before are no word about this one's profile.
        pools = tuple(replace(one, profile=None) for one in pools)
    scaled_by_others = any(one.deployment in observed.autoscalers for one in pools)
    entry = entry_model(facts)
    composing: tuple[str, ...] = ()
    if entry is not None and entry.backend == ENSEMBLE and facts.repository is not None:
        # Which of them the ensemble joins is in its config only; the others get no requests.
        composing = tuple(row.name for row in facts.repository.models if row.name != entry.name)
    return ScalingQuestion(
        namespace=observed.service.namespace,
        model=names.triton_model(observed.service.name, facts),
        composing=composing,
        objective_milliseconds=milliseconds,
        settings=ScalingSettings(
            objective_seconds=milliseconds / 1000,
            percentile=share,
            # Whoever bounds the median allows half of the requests to be later.
            attainment=min(share, spec.objective.min_attainment_percent / 100),
            least=max(1, bounds.minimum),
            most=max(1, bounds.maximum),
            prefer=spec.objective.prefer,
            prior_lead_seconds=pools[0].start_seconds or PRIOR_SECONDS,
        ),
        pools=pools,
        scales=bounds.moves and not scaled_by_others and not spec.paused,
    )


def _pools(
    observed: Observed, plan: Plan, spec: InferenceServiceSpec, facts: ModelFacts
) -> tuple[PoolQuestion, ...]:
    """The pools that may serve: the first only where replicas do not go to others."""
    rows = {row.pool.name: _in_use(observed, row, facts) for row in plan.pools}
    first = plan.pools[0].pool.name
    if not spills_over(spec):
        return (rows[first],)
    known = {pool.name: pool for pool in observed.pools}
    return tuple(rows.get(name) or _standing_by(observed, known[name]) for name in plan.preference)


def _revised(question: PoolQuestion, plan: Plan, facts: ModelFacts) -> PoolQuestion:
    """The question, with the name of what the pool's pods run and with what means."""
    for row in plan.pools:
        if row.pool.name == question.pool:
            runs = (row.image, row.precision, *([row.engine] if row.engine else []))
            means = (*runs, row.instances, row.threads, row.accelerators)
            limits = (row.max_batch_size, row.cpu_limit_millicores)
            files = row.copy.digest if row.copy else facts.files[0].digest
            told = "/".join(map(str, (files, *means, *limits)))
            return replace(question, revision=told)
    return question


def _batches_by_its_author(facts: ModelFacts) -> bool:
    """Whether the config.pbtxt of a repository says itself how requests share executions."""
    entry = entry_model(facts)
    return entry is not None and SilentField.SCHEDULING not in entry.silent


def _standing_by(observed: Observed, pool: Pool) -> PoolQuestion:
    """A pool without a Deployment: how fast a replica is there, only its last ones could tell."""
    return PoolQuestion(
        pool=pool.name,
        deployment=names.pool_child(observed.service.name, pool.name),
        largest_batch=1,
        instances=1,
        start_seconds=pool.start_seconds,
        price=_price(pool),
        standing_by=True,
    )


def _price(pool: Pool) -> float | None:
    return None if pool.cost_per_replica_hour is None else float(pool.cost_per_replica_hour)


def _in_use(observed: Observed, row: PoolPlan, facts: ModelFacts) -> PoolQuestion:
    batches = row.max_batch_size > 0 and (row.dynamic_batching or _batches_by_its_author(facts))
    largest = row.max_batch_size if batches else 1
    instances = row.instances * max(1, row.accelerators)
    return PoolQuestion(
        pool=row.pool.name,
        deployment=names.pool_child(observed.service.name, row.pool.name),
        largest_batch=max(1, largest),
        instances=instances,
        prior=row.measured.curve.up_to(max(1, largest)).line() if row.measured else None,
        profile=row.measured.curve if row.measured else None,
        throughput=row.throughput,
        start_seconds=row.pool.start_seconds,
        price=_price(row.pool),
    )
