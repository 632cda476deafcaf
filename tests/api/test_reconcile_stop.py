"""The process ends soon and says why, whatever is connected to it."""

import http.client
import re
from collections.abc import Iterator

import pytest

from tests.api.client import Api, Object
from tests.api.definitions import install_definitions
from tests.api.operator_process import OperatorProcess
from tests.api.shop import Shop

DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "modelprofiles.serving.triton-operator.io"},
}


@pytest.fixture
def scraper(operator: OperatorProcess) -> Iterator[http.client.HTTPConnection]:
    """A connection that stays open between scrapes, as Prometheus' and the kubelet's do."""
    connection = http.client.HTTPConnection("127.0.0.1", operator.port, timeout=5)
    scrape(connection)
    yield connection
    connection.close()


def scrape(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    assert not response.will_close
    return response.read().decode()


def test_a_stop_does_not_wait_for_scrapers(
    operator: OperatorProcess, scraper: http.client.HTTPConnection
) -> None:
    """Kopf would wait five seconds for the tasks of their connections, and say so."""
    begin = operator.log.stat().st_size
    assert "triton_operator_leader 1.0" in scrape(scraper)

    assert operator.stop() == 0

    log = operator.log.read_text()[begin:]
    assert "The Lease is released." in log
    assert not re.search("Hung|Traceback", log)


def test_a_kind_that_is_gone_ends_the_process_with_a_reason(
    shop: Shop,
    operator: OperatorProcess,
    scraper: http.client.HTTPConnection,
    stage_api: Api,
) -> None:
    """Not by the SIGKILL that kopf has in store for who takes long to stop; then it waits."""
    begin = operator.log.stat().st_size
    try:
        stage_api.delete(DEFINITION)

        assert operator.running.wait(60), "it goes on without a watch"
        assert operator.exit_code() == 1
        assert "ModelProfile is not served any more" in operator.log.read_text()[begin:]
    finally:
        install_definitions(stage_api, only=DEFINITION["metadata"]["name"])
    operator.start()
    shop.add_running("after")
