"""Name the files of a platform's folder and keep its address book.

The rule to keep: every file here has one writer, the supervisor; what others write belongs to their adapters.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from workflows.errors import ConfigurationError, UnavailableError

DEFAULT = Path(".penstock/local")
"""Where a platform lives unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Name the three places, `host:port`, that stay the same for the platform's whole life.

    User traffic goes to `apex`. Tests and loads go to `primary` and `canary`, where nobody counts them as users.
    """

    apex: str
    primary: str
    canary: str


@dataclass(frozen=True, slots=True)
class Book:
    """Hold what others must know of a running platform; `ready` is true once the service has answered."""

    pid: int
    born: str
    name: str
    namespace: str
    addresses: Addresses
    admin: str = ""
    prometheus: str = ""
    ready: bool = False


def book_file(directory: Path) -> Path:
    """Name the file of the address book."""
    return directory / "platform.json"


def lock_file(directory: Path) -> Path:
    """Name the file that the supervisor holds locked while it lives."""
    return directory / "supervisor.lock"


def log_file(directory: Path) -> Path:
    """Name the supervisor's log."""
    return directory / "supervisor.log"


def envoy_folder(directory: Path) -> Path:
    """Name the folder of everything that Envoy reads."""
    return directory / "envoy"


def children_file(directory: Path) -> Path:
    """Name the file that lists the processes that the supervisor has started."""
    return directory / "children.json"


def read_book(directory: Path) -> Book:
    """Read the address book; raises UnavailableError where no platform has been."""
    file = book_file(directory)
    try:
        document = json.loads(file.read_text())
        return Book(**{**document, "addresses": Addresses(**document["addresses"])})
    except OSError as error:
        raise UnavailableError(f"{file}: {error.strerror}; start a platform with `penstock local up`") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{file}: not an address book ({error!r}); start the platform anew") from error


def write_book(directory: Path, book: Book) -> None:
    """Replace the address book."""
    write(book_file(directory), asdict(book))


def write(file: Path, document: object) -> None:
    """Replace a JSON file by rename; the temporary file lies outside, since Envoy watches some of the folders."""
    temporary = file.parent.parent / f".{file.name}.{os.getpid()}"
    temporary.write_text(json.dumps(document))
    temporary.replace(file)
