"""Kinds of others: asked for now and then, so that one that comes later is found."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.hub.beside import Place
from triton_operator.controllers.errors import ApiUnavailable
from triton_operator.hub.kinds import DNS_ENDPOINT


def serves(place: Place) -> bool:
    return asyncio.run(place.kinds.serves(DNS_ENDPOINT))


def test_a_kind_that_comes_or_goes_is_noticed_after_a_while() -> None:
    place = Place()
    assert not serves(place)
    place.server.kinds.add(DNS_ENDPOINT)
    assert not serves(place), "nobody is asked again at once"
    assert place.server.asked == 1

    place.now += 60
    assert serves(place)
    place.server.kinds.clear()
    place.now += 60
    assert not serves(place)


def test_no_answer_is_no_absence() -> None:
    place = Place(DNS_ENDPOINT)
    place.server.error = ApiUnavailable(503, "", "down")
    with pytest.raises(ApiUnavailable):
        serves(place)

    place.server.error = None
    assert serves(place)
