"""Choose who knows tokens and who reads Canaries back, as the settings say."""

from collections.abc import Callable
from dataclasses import dataclass

from webhooks.access.canaries import ClusterCanaries, FolderCanaries
from webhooks.access.cluster_api import ClusterApi
from webhooks.access.readback import ReadBack
from webhooks.access.reviews import ClusterAuthority
from webhooks.access.scopes import Admission, Authority, Need
from webhooks.access.templates import Templates
from webhooks.access.tokens import TokenFile
from webhooks.access.watching import CanaryWatch, Listener
from webhooks.errors import SettingsError
from webhooks.settings import AuthMode, Settings, VerifyMode


@dataclass(frozen=True, slots=True)
class _Authorities:
    """Ask one after another whose token it is."""

    asked: tuple[Authority, ...]

    def admit(self, token: str, need: Need) -> Admission | None:
        for authority in self.asked:
            admission = authority.admit(token, need)
            if admission is not None:
                return admission
        return None

    def identify(self, token: str) -> str:
        return next(filter(None, (authority.identify(token) for authority in self.asked)), "")

    def admit_known(self, identity: str, need: Need) -> Admission | None:
        known = (authority.admit_known(identity, need) for authority in self.asked)
        return next((admission for admission in known if admission is not None), None)


def make_authority(settings: Settings, now: Callable[[], float]) -> Authority | None:
    """Give who knows tokens, the file first; None when no token is asked for. Raises SettingsError."""
    asked: list[Authority] = []
    if settings.tokens is not None:
        asked.append(TokenFile(settings.tokens, now))
    if settings.auth is AuthMode.KUBERNETES:
        asked.append(ClusterAuthority(now))
    return _Authorities(tuple(asked)) if asked else None


def make_read_back(settings: Settings, now: Callable[[], float], listener: Listener | None = None) -> ReadBack | None:
    """Give who reads Canaries back; None when hooks are not verified. Raises SettingsError.

    With a listener, the cluster's Canaries are watched, and it hears what is seen.
    """
    if settings.verify_hooks is VerifyMode.OFF:
        return None
    if settings.canaries is None:
        api = ClusterApi()
        watch = CanaryWatch(api, now, listener) if listener else None
        return ReadBack(ClusterCanaries(api), now, watch, Templates(api))
    if not settings.canaries.is_dir():
        raise SettingsError(f"canaries: {settings.canaries} is not a folder; name one with Canary files")
    return ReadBack(FolderCanaries(settings.canaries), now)
