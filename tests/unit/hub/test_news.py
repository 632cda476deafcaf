"""News: what of a work is looked at at once, so that heartbeats of hundreds of clusters are not."""

from typing import Any

import pytest

from triton_operator.hub.news import is_news

LOAD = {"needReplicas": "3", "readyReplicas": 3, "capReplicas": 5, "observedAt": "then"}
APPLIED = {"type": "Applied", "status": "True", "reason": "InForce", "message": "so"}


def work(**status: Any) -> dict[str, Any]:
    usual = {"sequence": 1, "appliedRevision": 1, "conditions": [APPLIED], "load": LOAD}
    return {"metadata": {"name": "w"}, "status": {**usual, **status}}


@pytest.mark.parametrize(
    ("after", "news"),
    [
        pytest.param(work(sequence=2), False, id="a heartbeat"),
        pytest.param(work(load={**LOAD, "observedAt": "now"}), False, id="the same, later"),
        pytest.param(work(load={**LOAD, "needReplicas": "3.2"}), False, id="a little demand"),
        pytest.param(work(load={**LOAD, "needReplicas": "3.3"}), True, id="demand"),
        pytest.param(work(load={**LOAD, "needReplicas": "2.7"}), True, id="less demand"),
        pytest.param(work(load={**LOAD, "readyReplicas": 4}), True, id="one more is ready"),
        pytest.param(work(load={**LOAD, "capReplicas": 4}), True, id="less room"),
        pytest.param(work(load=None), True, id="nothing is told any more"),
        pytest.param(work(appliedRevision=2), True, id="applied"),
        pytest.param(
            work(conditions=[{**APPLIED, "status": "False"}]), True, id="not applied any more"
        ),
        pytest.param(work(conditions=[{**APPLIED, "message": "again"}]), False, id="other words"),
        pytest.param(
            {**work(), "metadata": {"name": "w", "deletionTimestamp": "now"}}, True, id="deleted"
        ),
    ],
)
def test_what_is_news(after: dict[str, Any], news: bool) -> None:
    assert is_news(work(), after) is news


def test_the_first_report_is_news() -> None:
    assert is_news({"metadata": {"name": "w"}}, work())
