"""`triton-operator model inspect`: the facts of a model file, as the operator's Job finds them."""

from pathlib import Path

import typer

from triton_operator.api.tensors import Tensor
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.local_model import UnusableModel, local_model
from triton_operator.cli.output import OUTPUT, Output, print_documents, print_error, print_table
from triton_operator.manifests.model_profile import profile_of_facts


def inspect(
    file: Path = typer.Argument(..., help="The model file."),
    output: Output = OUTPUT,
    namespace: str = typer.Option("default", "--namespace", "-n", help="Of the ModelProfile."),
) -> None:
    """Print what a model takes, and whether it batches.

    That is inputs, outputs, whether it can be batched, and why.
    yaml and json print a ModelProfile that can be committed: a service that pins its digest then
    starts no inspection. Exit codes: 0 inspected, 2 not usable.
    """
    try:
        model = local_model(file)
    except UnusableModel as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    if output is not Output.TABLE:
        print_documents([profile_of_facts(namespace, model.digest, model.facts)], output)
        return
    facts = model.facts
    print_table(
        str(file),
        ["FACT", "VALUE"],
        [
            ("digest", model.digest),
            ("format", str(facts.format)),
            ("batching", facts.reason),
            ("opset", str(facts.opset)),
            ("parameters", f"{facts.parameter_count:,}" if facts.parameter_count else "-"),
            ("bytes", f"{facts.size_bytes:,}"),
            ("files", ", ".join(row.path for row in facts.files)),
        ],
    )
    print_table(
        "",
        ["TENSOR", "NAME", "TYPE", "SHAPE"],
        [_row("input", tensor) for tensor in facts.inputs]
        + [_row("output", tensor) for tensor in facts.outputs],
    )


def _row(direction: str, tensor: Tensor) -> tuple[str, str, str, str]:
    return (direction, tensor.name, tensor.datatype, str(tensor.shape))
