"""Models in PersistentVolumeClaims: mounted, not fetched over a network."""


def claim_of(uri: str) -> str | None:
    """The PersistentVolumeClaim of a `pvc://CLAIM/PATH` address."""
    return uri.removeprefix("pvc://").partition("/")[0] if uri.startswith("pvc://") else None
