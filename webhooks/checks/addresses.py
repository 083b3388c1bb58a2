"""Refuse addresses at which machines keep what is nobody else's: link-local ones and those of cloud metadata.

Names are judged by what they mean at the moment of the connection, which then goes to the very address that was judged.
Also a program: `addresses.py HOST PORT -- COMMAND...` judges a name and then becomes the command, for tests that make
their connections themselves. It imports next to nothing, since every such test waits for it.
"""

import os
import socket
import sys
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NoReturn

_FORBIDDEN = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "fe80::/10",
        "fd00:ec2::/32",  # metadata over IPv6
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "0.0.0.0/8",  # means this machine
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
    )
)
_OWN_NAMES = ("localhost",)
_REFUSED = 77


class ForbiddenAddressError(OSError):
    """Say which address a name means that no test may go to."""


def is_forbidden(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether no test may go to an address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in _FORBIDDEN)


def find_addresses(host: str, port: int) -> list[str]:
    """Give the addresses that a name means; raises ForbiddenAddressError when one of them may not be gone to.

    A name may mean loopback only where it says so, else a name server could lead a test to the service itself.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = ip_address(text.partition("%")[0])
        hidden = address.is_loopback and host not in {*_OWN_NAMES, text}
        if is_forbidden(address) or hidden:
            raise ForbiddenAddressError(f"{host} is {text}, where no test may go")
    return found


def open_connection(host: str, port: int, patience_s: float) -> socket.socket:
    """Connect to one of the addresses that a name means; raises OSError."""
    deadline = time.monotonic() + patience_s
    fault: OSError = OSError(f"{host} means no address")
    for address in find_addresses(host, port):
        try:
            return socket.create_connection((address, port), max(0.001, deadline - time.monotonic()))
        except OSError as error:
            fault = error
    raise fault


def main(argv: list[str]) -> NoReturn:
    """Judge a name and become the command."""
    host, port, _, *command = argv
    try:
        find_addresses(host, int(port))
    except ForbiddenAddressError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_REFUSED)
    except OSError:
        pass  # the test says best that a name means nothing
    os.execv(command[0], command)  # noqa: S606 - what the runner was to start


if __name__ == "__main__":
    main(sys.argv[1:])
