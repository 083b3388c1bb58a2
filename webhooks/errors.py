"""Name what can go wrong in the service by what the caller does about it.

WebhookError
├── SettingsError   the operator mends a flag or a variable   exit 78
├── CatalogError    the operator mends the catalog            exit 78
├── RefusedError    the person who asked learns why           status 409
├── StoreError      ask again later                           status 503, exit 75
├── SecretError     the operator sets a variable or a file    the run is inconclusive
└── ClusterError    the cluster must answer first             status 503
"""


class WebhookError(Exception):
    """Say what went wrong, where, the value and the way out; the root of this package's errors."""


class SettingsError(WebhookError):
    """Say what is wrong with a flag, a variable or the place to listen at."""


class CatalogError(WebhookError):
    """List what is wrong with the catalog, one fault a line, each with its path."""


class RefusedError(WebhookError):
    """Say why something that was asked for cannot be done as things stand."""


class StoreError(WebhookError):
    """Say why the store could not be read or written this time."""


class SecretError(WebhookError):
    """Say which secret of a test is not there, or cannot be used."""


class ClusterError(WebhookError):
    """Say why the cluster could not be asked this time."""
