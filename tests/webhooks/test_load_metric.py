"""A metric check that asks the service itself what its last load measured."""

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from tests.webhooks.bench import Bench
from webhooks.app import compose
from webhooks.protocol import HookType
from webhooks.settings import Settings
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.providers import open_provider


@pytest.fixture
def address(bench: Bench) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, compose(bench.service, Settings()))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_a_check_reads_the_newest_load_report_of_the_service(bench: Bench, address: str) -> None:
    bench.call(HookType.PRE_ROLLOUT, test="load", wait="1ms")
    bench.report(200, 3)

    ask = open_provider(Endpoint("penstock", address), None).ask

    assert ask("ad.weather load http_req_failed: rate") == 0.015
    with pytest.raises(NoAnswerError, match=r"test other has not run for ad\.weather"):
        ask("ad.weather other http_req_failed: rate")
