import socket
from collections.abc import Callable, Iterator

import pytest
from load_sites import OK, OpenSite, Site


@pytest.fixture
def site() -> Iterator[OpenSite]:
    sites: list[Site] = []

    def open_site(answer: Callable[[bytes], bytes | None] | bytes = OK, *, closes: bool = False) -> Site:
        sites.append(Site((lambda _: answer) if isinstance(answer, bytes) else answer, closes=closes))
        return sites[-1]

    yield open_site
    for item in sites:
        item.close()


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
