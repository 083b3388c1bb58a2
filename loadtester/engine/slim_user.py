"""Be a user of a Locust file with FastHttpUser's API and a fraction of its cost.

The one rule to keep: what a task can see of a request and its response is what FastHttpUser shows.
"""

from typing import Any

from locust import User
from locust.exception import StopTest
from locust.user.users import RestMixin

from loadtester.engine.slim_response import SlimResponse
from loadtester.engine.slim_session import SlimSession

__all__ = ["SlimHttpUser", "SlimSession"]


class SlimHttpUser(User, RestMixin[SlimResponse]):
    """Send requests with `self.client`, whose methods are FastHttpSession's; times are seconds.

    `insecure` accepts any certificate, as FastHttpUser does by default.
    """

    abstract = True
    network_timeout: float = 60.0
    connection_timeout: float = 60.0
    max_redirects: int = 30
    insecure: bool = True
    default_headers: dict[str, str] | None = None

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest("host: a SlimHttpUser needs one, in the class or from the plan's target")
        self.client = SlimSession(self)
