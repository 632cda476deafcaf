"""Which pods belong to a service, and to one pool of it."""

from triton_operator.api import labels


def service_selector(service: str) -> dict[str, str]:
    """Every serving pod of a service, over all pools."""
    return {labels.SERVICE: service, labels.ROLE: labels.SERVE}


def pool_selector(service: str, pool: str) -> dict[str, str]:
    """The serving pods of a service on one pool."""
    return {**service_selector(service), labels.POOL: pool}


def open_pods(selector: dict[str, str]) -> dict[str, str]:
    """Those of the selected pods that get new requests; for Services, and for nothing else."""
    return {**selector, labels.TRAFFIC: labels.OPEN}


def selector_text(selector: dict[str, str]) -> str:
    """The selector as the scale subresource and kubectl write it."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
