"""Ask over loopback without holding up the supervisor: is it there, what does it say, who still talks to it."""

import asyncio
from pathlib import Path

from workflows.local.ports import LOOPBACK

_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_MAX_ANSWER = 1 << 20
_ESTABLISHED = "01"


async def accepts(port: int, timeout_s: float) -> bool:
    """Tell whether something accepts connections."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def answers(port: int, path: str, timeout_s: float) -> bool:
    """Tell whether GET answers with a status from 200 to 399, as Kubernetes asks it (httpGet)."""
    head = (await ask(port, path, timeout_s)).split(b" ", 2)
    return len(head) > 1 and head[1].isdigit() and 200 <= int(head[1]) < _FIRST_ERROR  # noqa: PLR2004 - success


async def ask(port: int, path: str, timeout_s: float) -> bytes:
    """Give the whole answer to a GET, empty when there is none."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
                return await reader.read(_MAX_ANSWER)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


def connected(port: int) -> bool:
    """Tell whether anybody still has a connection to a loopback port."""
    peer = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(fields[2] == peer and fields[3] == _ESTABLISHED for fields in (line.split(maxsplit=4) for line in lines))
