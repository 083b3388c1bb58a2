"""Name what can happen to a request, as its class in the report.

RequestError              `kind` is the class, the text its first message
├── ConnectionFaultError  the connection could not be made or was lost
└── ProtocolError         the answer is not HTTP/1.1
"""


class RequestError(Exception):
    """Say why a request failed; `kind` is what the report counts it under."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class ConnectionFaultError(RequestError):
    """Say why there is no connection any more."""


class ProtocolError(RequestError):
    """Say in what way an answer is not HTTP/1.1."""

    def __init__(self, message: str) -> None:
        super().__init__("garbage", message)
