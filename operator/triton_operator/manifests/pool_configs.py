"""The text that Triton's config.pbtxt gets from the plan for one pool."""

from collections.abc import Mapping

from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests import names
from triton_operator.manifests.config_map import CONFIG_FILE
from triton_operator.manifests.owner import Owner
from triton_operator.planning.plan import PoolPlan
from triton_operator.planning.rebatching import as_served
from triton_operator.triton.config_completion import completion_text
from triton_operator.triton.model_config import ModelSettings, config_text, model_config
from triton_operator.triton.tensorrt_provider import precision_mode


def pool_configs(owner: Owner, facts: ModelFacts, plan: PoolPlan) -> Mapping[str, str]:
    """Text by file name: the whole config.pbtxt, or for a repository NAME.pbtxt with what is
    appended to the author's config of each model.
    """
    tags = {"service": owner.name, "namespace": owner.namespace, "pool": plan.pool.name}
    if facts.repository is not None:
        texts = {
            f"{row.model}.pbtxt": completion_text(
                instance_kind=row.instance_kind,
                threads=row.threads,
                dynamic_batching=row.dynamic_batching,
                queue_delay_microseconds=row.queue_delay_microseconds,
                queue_timeout_microseconds=row.queue_timeout_microseconds,
                metric_tags=tags if row.metric_tags else {},
                inputs=row.inputs,
                outputs=row.outputs,
                max_batch_size=row.max_batch_size,
                # The model that clients call is the one whose latency is promised.
                histogram_edges=() if number else plan.histogram_edges,
            )
            for number, row in enumerate(plan.completions)
        }
        return {name: text for name, text in sorted(texts.items()) if text}
    served = as_served(facts, plan.copy)
    config = model_config(
        ModelSettings(
            model_name=names.triton_model(owner.name, facts),
            format=facts.format,
            inputs=served.inputs,
            outputs=served.outputs,
            max_batch_size=plan.max_batch_size,
            instances=plan.instances,
            gpu=plan.pool.is_gpu,
            threads=plan.threads,
            dynamic_batching=plan.dynamic_batching,
            queue_delay_microseconds=plan.queue_delay_microseconds,
            queue_timeout_microseconds=plan.queue_timeout_microseconds,
            metric_tags=tags,
            histogram_edges=plan.histogram_edges,
            engine=plan.engine,
            precision_mode=precision_mode(plan.release, plan.precision),
        )
    )
    return {CONFIG_FILE: config_text(config)}
