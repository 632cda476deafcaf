"""What of a service is rolled out step by step, and what of it never waits: bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triton_operator.fleet.mailbox import FLEET
from triton_operator.fleet.works import HUB_ONLY

Manifest = dict[str, Any]
TEMPLATE = f"{FLEET}/template"
"""Annotation of a work: a hash of the `core` that its template was made from."""
_BOUNDS = ("minReplicas", "maxReplicas")


def core(spec: Mapping[str, Any]) -> Manifest:
    """A service's spec, or a work's template, without what only a hub reads, and without bounds."""
    kept = {name: part for name, part in spec.items() if name not in HUB_ONLY}
    scaling = kept.pop("scaling", None) or {}
    rest = {name: value for name, value in scaling.items() if name not in _BOUNDS}
    return {**kept, "scaling": rest} if rest else kept


def held_back(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Manifest:
    """The template that there is, with the bounds that are wanted.

    Who scales is not a bound: where that differs, bounds of one mode mean nothing in the other.
    """
    new, old = dict(wanted.get("scaling") or {}), dict(live.get("scaling") or {})
    if new.get("mode", "Auto") != old.get("mode", "Auto"):
        return dict(live)
    return {**live, "scaling": {**old, **new}}
