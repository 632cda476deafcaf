"""Fields for a config.pbtxt of somebody else, as text to append to it.

Text that follows text is a merge in protobuf's text format: only fields that the other text leaves
out may be given, a repeated scalar field would be an error and a repeated message a second one.
"""

from collections.abc import Mapping
from typing import Any

from triton_operator.triton.model_config import config_text
from triton_operator.triton.model_config_schema import schema


def completion_text(
    *,
    instance_kind: str | None,
    threads: int | None,
    dynamic_batching: bool,
    queue_delay_microseconds: int,
    metric_tags: Mapping[str, str],
) -> str:
    """The text, empty if nothing is given; `threads` are ONNX Runtime's, for each instance."""
    proto: Any = schema()
    config = proto.ModelConfig(metric_tags=metric_tags)
    if instance_kind is not None:
        config.instance_group.add(kind=instance_kind, count=1)
    if dynamic_batching:
        config.dynamic_batching.SetInParent()
        config.dynamic_batching.max_queue_delay_microseconds = queue_delay_microseconds
    if threads is not None:
        config.parameters["intra_op_thread_count"].string_value = str(threads)
    return config_text(config)
