"""Tell the installed version by the name of the folder that pip keeps about it.

`importlib.metadata` says the same, but takes longer to load than all else that `penstock --version` needs.
"""

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module

_FOLDER = re.compile(r"penstock-([0-9][^-]*)\.dist-info")


def find_version(places: Iterable[str] | None = None) -> str:
    """Find the version; `places` are the folders in which packages are looked for."""
    for place in sys.path if places is None else places:
        with suppress(OSError):
            for name in os.listdir(place or "."):  # noqa: PTH208 - pathlib takes longer to load than the search takes
                if found := _FOLDER.fullmatch(name):
                    return found[1]
    return str(import_module("importlib.metadata").version("penstock"))
