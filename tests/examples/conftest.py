"""What the tests of examples share: a service beside a Prometheus that has counted both arms."""

from tests.verdicts.conftest import app, prometheus, service

__all__ = ["app", "prometheus", "service"]
