"""What of a service is rolled out step by step, and what of it never waits: bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triton_operator.api.enums import OfflinePolicy
from triton_operator.fleet.mailbox import FLEET
from triton_operator.fleet.works import HUB_ONLY

Manifest = dict[str, Any]
TEMPLATE = f"{FLEET}/template"
"""Annotation of a work: a hash of the `core` that its template was made from."""
_BOUNDS = ("minReplicas", "maxReplicas")
_OFFLINE_BOUND = "maxReplicas"


def core(spec: Mapping[str, Any]) -> Manifest:
    """A service's spec, or a work's template, without what only a hub reads, and without bounds."""
    kept = {name: part for name, part in spec.items() if name not in HUB_ONLY}
    scaling = kept.pop("scaling", None) or {}
    rest = {name: value for name, value in scaling.items() if name not in _BOUNDS}
    if _is_local_max(kept):
        kept["offline"] = _split(kept["offline"])[0]
    return {**kept, "scaling": rest} if rest else kept


def held_back(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Manifest:
    """The template that there is, with the bounds that are wanted.

    Who scales is not a bound: where that differs, bounds of one mode mean nothing in the other.
    """
    new, old = dict(wanted.get("scaling") or {}), dict(live.get("scaling") or {})
    if new.get("mode", "Auto") != old.get("mode", "Auto"):
        return dict(live)
    held = {**live, "scaling": {**old, **new}}
    if _is_local_max(wanted) and _is_local_max(live):
        held["offline"] = _split(live["offline"])[0] | _split(wanted["offline"])[1]
    return held


def _split(offline: Mapping[str, Any]) -> tuple[Manifest, Manifest]:
    """`offline` without its bound, and the bound, where there is one."""
    bound = {name: value for name, value in offline.items() if name == _OFFLINE_BOUND}
    return {name: value for name, value in offline.items() if name not in bound}, bound


def _is_local_max(spec: Mapping[str, Any]) -> bool:
    """Whether `offline.maxReplicas` bounds what is served; elsewhere it has no meaning."""
    return bool((spec.get("offline") or {}).get("policy") == OfflinePolicy.LOCAL_MAX)
