"""Know under whom tests run: where the runner is root, under users that can neither read its files nor signal it.

With a range each run under way has a user of its own, so that no test can look into another, and whatever has the
user of a run that ended is ended with it.
"""

import os
import pwd
from collections import deque
from dataclasses import dataclass

from webhooks.errors import SettingsError
from webhooks.runs.families import end_owned


@dataclass(frozen=True, slots=True)
class Account:
    """Name a user and group by their numbers."""

    uid: int
    gid: int


class Accounts:
    """Lend accounts to runs; `own` is true when no two runs have the same at once."""

    def __init__(self, accounts: tuple[Account, ...] = (), *, own: bool = False) -> None:
        self.own = own
        self._free = deque(accounts)

    def lend(self) -> Account | None:
        """Give an account, None where tests run as the runner does."""
        if not self._free:
            return None
        account = self._free.popleft() if self.own else self._free[0]
        # A runner that was killed may have left somebody.
        self._clear(account)
        return account

    def take_back(self, account: Account | None) -> None:
        """End what still has the account of a run, and let another run have it."""
        if account is not None and self.own:
            self._clear(account)
            self._free.append(account)

    def _clear(self, account: Account) -> None:
        if self.own:
            end_owned(account.uid)


def find_accounts(text: str, runs_at_once: int) -> Accounts:
    """Find the users that a setting names; raises SettingsError when they cannot be used or are too few."""
    if not text:
        return Accounts()
    if os.geteuid() != 0:
        raise SettingsError(f"runner-user: {text!r} needs a runner that is root; start it as root or leave this out")
    first, _, last = text.partition("-") if text[0].isdigit() else (text, "", "")
    if not last:
        return Accounts((_find(first),))
    numbers = range(int(first), int(last) + 1)
    if len(numbers) < runs_at_once:
        told = f"{text} are {len(numbers)} users; --runs-at-once {runs_at_once} needs as many"
        raise SettingsError(f"runner-user: {told}")
    return Accounts(tuple(Account(number, number) for number in numbers[:runs_at_once]), own=True)


def _find(name: str) -> Account:
    if name.isdigit():
        return Account(int(name), int(name))
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise SettingsError(f"runner-user: {name!r} is unknown here; name another or give a number") from error
    if entry.pw_uid == 0:
        raise SettingsError(f"runner-user: {name!r} is root; name a user with no rights")
    return Account(entry.pw_uid, entry.pw_gid)
