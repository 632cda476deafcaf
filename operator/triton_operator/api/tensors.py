"""The tensors that go into and come out of a model."""

from pydantic import Field

from triton_operator.api.fields import ApiModel


class Tensor(ApiModel):
    """One input or output: its name, Triton's name of its type, its shape.

    `shape` has one entry per axis; -1 is an axis of any length. The batch axis, if the model has
    one, is included and is the first.
    """

    name: str = Field(min_length=1, max_length=512, description="Name of the tensor in the model.")
    datatype: str = Field(max_length=16, description="FP32, INT64, BYTES … as Triton names it.")
    shape: list[int] = Field(
        max_length=64,
        description="One entry per axis, the batch axis included; -1: any length.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
