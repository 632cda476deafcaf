"""config.pbtxt of a model in one file, as Triton's own protobuf message.

What is left out matters as much. Any queue policy (sizes, timeouts, priorities) makes Triton's
batcher sleep up to 500 ms with work in its queue, so there is one only where it is asked for;
`format` wants exactly three dimensions; fields that a release does not know end the server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import Message

from triton_operator.api.enums import Engine, ModelFormat
from triton_operator.api.tensors import Tensor
from triton_operator.triton.backends import backend_of
from triton_operator.triton.datatypes import config_type
from triton_operator.triton.latency_histogram import add_histogram
from triton_operator.triton.model_config_schema import schema
from triton_operator.triton.tensor_shapes import item_shape, tensor_problem
from triton_operator.triton.tensorrt_provider import add_tensorrt
from triton_operator.triton.warm_up import warm_up_batch_sizes


class InvalidConfig(ValueError):
    """Settings that no config can express, or a text that is no config; says what and where."""


@dataclass(frozen=True)
class ModelSettings:
    """How Triton runs a model.

    Shapes of `inputs` and `outputs` include the batch axis. `max_batch_size` is Triton's: 0 means
    that the tensors have no batch axis; above 0 their axis 0 is one. `instances` run at once, each
    with `threads` threads (CPU only; None leaves it to the backend, which takes one per core of
    the *node*). `dynamic_batching` puts requests of several clients together, each waiting at most
    `queue_delay_microseconds` for others, and is rejected when it has waited for
    `queue_timeout_microseconds` (0: never). `metric_tags` become labels of Triton's metrics, each
    with an underscore in front. `histogram_edges` are the ends of the buckets of its histogram of
    latencies, in milliseconds: only for releases with `Feature.LATENCY_HISTOGRAMS`. `engine` runs
    an ONNX model instead of ONNX Runtime's own kernels; `precision_mode`: see `tensorrt_provider`.
    """

    model_name: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    max_batch_size: int
    instances: int
    gpu: bool
    threads: int | None
    dynamic_batching: bool
    queue_delay_microseconds: int = 0
    queue_timeout_microseconds: int = 0
    metric_tags: Mapping[str, str] = field(default_factory=dict)
    histogram_edges: Sequence[int] = ()
    warm_up: bool = True
    format: ModelFormat = ModelFormat.ONNX
    engine: Engine | None = None
    precision_mode: str | None = None


def model_config(settings: ModelSettings) -> Message:
    """The `inference.ModelConfig` of a model.

    Raises:
        InvalidConfig: a shape that Triton does not serve (see `tensor_problem`), or a count that
            is too small.
        UnknownDatatype: a tensor's type is not one of Triton's.
    """
    _check(settings)
    proto: Any = schema()
    backend = backend_of(settings.format, settings.engine)
    config = proto.ModelConfig(
        name=settings.model_name,
        backend=backend.name,
        platform=backend.platform,
        default_model_filename=backend.file,
        max_batch_size=settings.max_batch_size,
        input=[
            config_tensor(proto.ModelInput, tensor, settings.max_batch_size)
            for tensor in settings.inputs
        ],
        output=[
            config_tensor(proto.ModelOutput, tensor, settings.max_batch_size)
            for tensor in settings.outputs
        ],
        instance_group=[
            proto.ModelInstanceGroup(
                kind="KIND_GPU" if settings.gpu else "KIND_CPU", count=settings.instances
            )
        ],
        metric_tags=settings.metric_tags,
    )
    if settings.dynamic_batching and settings.max_batch_size > 1:
        add_batcher(config, settings.queue_delay_microseconds, settings.queue_timeout_microseconds)
    if settings.threads is not None and not settings.gpu and backend.threads_parameter:
        config.parameters[backend.threads_parameter].string_value = str(settings.threads)
        for key, value in backend.cpu_parameters.items():
            config.parameters[key].string_value = value
    if settings.engine is Engine.TENSORRT:
        add_tensorrt(config, settings.inputs, settings.max_batch_size, settings.precision_mode)
    add_histogram(config, settings.histogram_edges)
    if settings.warm_up:
        for batch_size in warm_up_batch_sizes(settings.inputs, settings.max_batch_size):
            _add_warm_up(config, batch_size)
    message: Message = config
    return message


def config_text(config: Message) -> str:
    """The text of config.pbtxt; equal messages give equal text."""
    return text_format.MessageToString(config, use_short_repeated_primitives=True)


def parse_config(text: str) -> Message:
    """The message in a config.pbtxt.

    Raises:
        InvalidConfig: an unknown field, a wrong value or a wrong syntax, with line and column.
    """
    try:
        parsed: Message = text_format.Parse(text, schema().ModelConfig())
    except text_format.ParseError as error:
        raise InvalidConfig(f"not a config.pbtxt of Triton (line:column): {error}") from error
    return parsed


def _check(settings: ModelSettings) -> None:
    if settings.max_batch_size < 0 or settings.instances < 1:
        raise InvalidConfig(
            f"max_batch_size {settings.max_batch_size} must not be negative, "
            f"instances {settings.instances} must be at least 1"
        )
    if settings.threads is not None and settings.threads < 1:
        raise InvalidConfig(f"threads {settings.threads} must be at least 1")
    if problem := tensor_problem(settings.inputs, settings.outputs, settings.max_batch_size):
        raise InvalidConfig(problem)


def config_tensor(message: Any, tensor: Tensor, max_batch_size: int) -> Any:
    """A `ModelInput` or `ModelOutput` (`message`) for a tensor.

    Raises:
        UnknownDatatype: its type is not one of Triton's.
    """
    dims = item_shape(tensor, max_batch_size)
    row = message(
        name=tensor.name,
        data_type=config_type(tensor.datatype),
        # Triton wants at least one dimension: a scalar per item is one value for the client, and
        # reshaped to none for the model.
        dims=dims or [1],
    )
    if not dims:
        row.reshape.SetInParent()
    return row


def add_batcher(config: Any, delay_microseconds: int, timeout_microseconds: int) -> None:
    """Have Triton put requests together in this `inference.ModelConfig`; see `ModelSettings`."""
    batcher = config.dynamic_batching
    batcher.SetInParent()
    batcher.max_queue_delay_microseconds = delay_microseconds
    if timeout_microseconds:
        # Not the length of the queue: what that rejects, no metric counts.
        batcher.default_queue_policy.timeout_action = "REJECT"
        batcher.default_queue_policy.default_timeout_microseconds = timeout_microseconds


def _add_warm_up(config: Any, batch_size: int) -> None:
    sample = config.model_warmup.add(name=f"batch-{batch_size}", batch_size=batch_size)
    for row in config.input:
        data = sample.inputs[row.name]
        data.data_type = row.data_type
        data.dims.extend(row.dims)
        data.zero_data = True
