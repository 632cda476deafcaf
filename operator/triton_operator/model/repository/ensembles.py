"""Ensembles: every step is there, and none contains itself."""

import graphlib
from collections.abc import Mapping
from typing import Any

from triton_operator.api.repository import ENSEMBLE
from triton_operator.model.repository.configs import refused, versions
from triton_operator.model.repository.entry import CONFIG_NAME
from triton_operator.model.repository.listing import Listing


def refuse_broken_ensembles(configs: Mapping[str, Any], listing: Listing) -> None:
    """Check the steps of every ensemble.

    Raises:
        ModelRefused: `RepositoryRefused`; the message has the file and the step.
    """
    steps: dict[str, list[str]] = {}
    for name, config in configs.items():
        if config.backend == ENSEMBLE:
            steps[name] = _steps(name, config, configs, listing)
    _refuse_cycles(steps)


def _steps(name: str, config: Any, configs: Mapping[str, Any], listing: Listing) -> list[str]:
    file = f"{name}/{CONFIG_NAME}"
    rows = config.ensemble_scheduling.step
    if not rows:
        raise refused(file, "ensemble_scheduling has no step")
    for number, row in enumerate(rows):
        where = f"ensemble_scheduling.step[{number}]"
        other = configs.get(row.model_name)
        if other is None:
            raise refused(
                file,
                f"{where}.model_name: there is no model '{row.model_name[:128]}'; the repository "
                f"has {', '.join(list(configs)[:10])}",
            )
        if row.model_namespace:
            raise refused(file, f"{where}.model_namespace: namespaces are not in use; remove it")
        known = versions(row.model_name, listing)
        if row.model_version > 0 and row.model_version not in known:
            raise refused(
                file,
                f"{where}.model_version: there is no folder '{row.model_name}/{row.model_version}'",
            )
        for field, used, declared in (
            ("input_map", row.input_map, other.input),
            ("output_map", row.output_map, other.output),
        ):
            names = {tensor.name for tensor in declared}
            if unknown := sorted(set(used) - names) if names else []:
                raise refused(
                    file,
                    f"{where}.{field}: model '{row.model_name}' has no tensor "
                    f"'{unknown[0][:100]}'; it has {', '.join(sorted(names)[:10])}",
                )
    return [row.model_name for row in rows]


def _refuse_cycles(steps: Mapping[str, list[str]]) -> None:
    try:
        graphlib.TopologicalSorter(steps).prepare()
    except graphlib.CycleError as error:
        # A cycle's list begins and ends with the same model, against the direction of the data.
        cycle = list(reversed(error.args[1]))
        raise refused(
            f"{cycle[0]}/{CONFIG_NAME}",
            f"the ensemble contains itself: {' -> '.join(cycle[:10])}",
        ) from error
