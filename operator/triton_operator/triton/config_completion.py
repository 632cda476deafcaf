"""Fields for a config.pbtxt of somebody else, as text to append to it.

Text that follows text is a merge in protobuf's text format: only fields that the other text leaves
out may be given, a repeated scalar field would be an error and a repeated message a second one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api.tensors import Tensor
from triton_operator.triton.latency_histogram import add_histogram
from triton_operator.triton.model_config import add_batcher, config_tensor, config_text
from triton_operator.triton.model_config_schema import schema


def completion_text(
    *,
    instance_kind: str | None,
    threads: int | None,
    dynamic_batching: bool,
    queue_delay_microseconds: int,
    queue_timeout_microseconds: int = 0,
    metric_tags: Mapping[str, str],
    inputs: Sequence[Tensor] = (),
    outputs: Sequence[Tensor] = (),
    max_batch_size: int = 0,
    histogram_edges: Sequence[int] = (),
) -> str:
    """The text, empty if nothing is given; `threads` are ONNX Runtime's, for each instance.

    `max_batch_size` is what the config has already: above 0, axis 0 of the tensors is a batch axis.
    """
    proto: Any = schema()
    config = proto.ModelConfig(metric_tags=metric_tags)
    for row in inputs:
        config.input.append(config_tensor(proto.ModelInput, row, max_batch_size))
    for row in outputs:
        config.output.append(config_tensor(proto.ModelOutput, row, max_batch_size))
    if instance_kind is not None:
        config.instance_group.add(kind=instance_kind, count=1)
    if dynamic_batching:
        add_batcher(config, queue_delay_microseconds, queue_timeout_microseconds)
    if threads is not None:
        config.parameters["intra_op_thread_count"].string_value = str(threads)
    add_histogram(config, histogram_edges)
    return config_text(config)
