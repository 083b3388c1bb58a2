"""Skip what needs helm where there is none, with one line for all."""

import pytest

from tests.chart.charts import HELM


@pytest.fixture
def helm_at_hand() -> None:
    if HELM is None:
        pytest.skip("helm is not installed (make build/helm): the chart is not rendered")
