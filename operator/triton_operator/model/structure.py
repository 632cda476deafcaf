"""What the model file alone says: everything about a model except the bytes of its external data.

The steps are in the order in which they protect each other: sizes before contents, contents before
anything that copies or infers.
"""

import mmap
import os
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from triton_operator.api.conditions import MESSAGE_LIMIT, shortened
from triton_operator.model import reasons
from triton_operator.model.batch_axis import BatchAxis, batch_axis, probed_shapes, rows_meeting
from triton_operator.model.contents import contents
from triton_operator.model.dataflow import refuse_broken_dataflow
from triton_operator.model.errors import ModelRefused, SourceRefused
from triton_operator.model.external_data import external_files
from triton_operator.model.graph_tensors import GraphTensor, graph_tensors
from triton_operator.model.limits import InspectionLimits
from triton_operator.model.model_structure import ModelStructure
from triton_operator.model.operators import DEFAULT_DOMAINS, refuse_unsupported_operators
from triton_operator.model.text import refuse_broken_text
from triton_operator.model.weights import drop_data, parameter_count, refuse_missing_data


def read_structure(
    path: Path, limits: InspectionLimits, *, libraries: bool = False
) -> ModelStructure:
    """Parse the ONNX file at `path` and judge it. Reads no other file.

    `libraries`: operators of other domains are known, since they come as a library.

    Raises:
        ModelRefused: it cannot be served; the reason says why.
        SourceRefused: there is no readable file at `path`.
    """
    model = parsed(path, limits)
    found = contents(model, limits)
    refuse_broken_text(model, found)
    refuse_unsupported_operators(model, found.nodes, libraries=libraries)
    refuse_broken_dataflow(model)
    refuse_missing_data(found.tensors)
    external = external_files(found.tensors, limits.files - 1)
    parameters = parameter_count(found.parameters, found.listed_parameters)
    drop_data(found.tensors)
    inputs, outputs = graph_tensors(model, limits)
    verdict = _batch_axis(model, inputs, outputs)
    versions = [row.version for row in model.opset_import if row.domain in DEFAULT_DOMAINS]
    return ModelStructure(
        inputs=[tensor.as_fact() for tensor in inputs],
        outputs=[tensor.as_fact() for tensor in outputs],
        batchable=verdict.batchable,
        reason=shortened(verdict.reason, MESSAGE_LIMIT),
        opset=max(versions, default=None),
        ir_version=model.ir_version,
        parameter_count=parameters,
        external=external,
        tool_versions={"onnx": onnx.__version__},
    )


def parsed(path: Path, limits: InspectionLimits) -> onnx.ModelProto:
    """The file as a protobuf message that at least says that it is an ONNX model.

    Raises:
        ModelRefused: `ModelTooLarge`, `NotAModel`.
        SourceRefused: `SourceNotFound`, `SourceForbidden`.
    """
    model = onnx.ModelProto()
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limits.model_bytes:
                raise ModelRefused(
                    reasons.MODEL_TOO_LARGE,
                    f"the model file has {size} bytes; at most {limits.model_bytes} can be parsed. "
                    "Save it with external data",
                )
            # Bytes are parsed directly: onnx.load would choose a text format by the file's name.
            # They are mapped and not read, so that a model of 2 GB is not in memory twice.
            if size:
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
                    model.ParseFromString(memoryview(view))  # type: ignore[arg-type]
    except FileNotFoundError as error:
        raise SourceRefused(
            reasons.SOURCE_NOT_FOUND, f"there is no model file at {path}"
        ) from error
    except OSError as error:
        raise SourceRefused(
            reasons.SOURCE_FORBIDDEN, f"{path} cannot be read as a file: {error.strerror}"
        ) from error
    except (DecodeError, ValueError) as error:
        raise ModelRefused(
            reasons.NOT_A_MODEL,
            f"these {size} bytes are no ONNX model, or a truncated one ({error})",
        ) from error
    # Protobuf takes many byte strings for a message with unknown fields.
    missing = [
        name
        for name, present in (
            ("IR version", model.ir_version > 0),
            ("graph", model.HasField("graph")),
            ("operator set", any(row.version > 0 for row in model.opset_import)),
        )
        if not present
    ]
    if missing:
        raise ModelRefused(
            reasons.NOT_A_MODEL,
            f"these {size} bytes are no ONNX model, or a truncated one "
            f"(it has no {' and no '.join(missing)})",
        )
    return model


def _batch_axis(
    model: onnx.ModelProto, inputs: list[GraphTensor], outputs: list[GraphTensor]
) -> BatchAxis:
    verdict = batch_axis(inputs, outputs, {})
    # Inference costs the most, and only a positive verdict can change by it.
    if not verdict.batchable:
        return verdict
    probed = probed_shapes(model)
    return batch_axis(inputs, outputs, probed, rows_meeting(model, probed))
