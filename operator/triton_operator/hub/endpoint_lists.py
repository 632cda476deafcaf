"""What lists of endpoints are made from, after a decision."""

from __future__ import annotations

from triton_operator.fleet.endpoint_lists import Fleet
from triton_operator.fleet.placement import Placed
from triton_operator.hub.scene import Scene


def fleet_of(scene: Scene, placed: Placed) -> Fleet:
    """Of one service."""
    return Fleet(
        placed=placed,
        facts=scene.facts,
        urls={
            name: member.spec.data_plane.url
            for name, member in scene.members.items()
            if member.spec.data_plane is not None
        },
        grpc_urls={
            name: url
            for name, member in scene.members.items()
            if member.spec.data_plane is not None
            and (url := member.spec.data_plane.grpc_url) is not None
        },
        serving={
            name
            for name, site in placed.sites.items()
            if name in scene.works or (site.ceiling > 0 and scene.facts[name].moves)
        },
        settings=scene.settings,
        suffixes={name: member.spec.target_name_suffix for name, member in scene.members.items()},
    )
