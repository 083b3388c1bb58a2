"""The page on metrics tells what the code's tables hold."""

from pathlib import Path

import pytest

from workflows.canary.exclusions import EXCLUDE_TRAFFIC
from workflows.metrics.counter import NEWS_S, STALE_S
from workflows.metrics.providers import EXTERNAL, PROVIDERS
from workflows.metrics.queries import HELD
from workflows.metrics.series import SERIES, Series
from workflows.rollout.samples import Gap

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def write_row(name: str, series: Series) -> str:
    unit = "s" if series.unit_ms > 1 else "ms"
    timed = "".join(f", `{each}`" for each in series.timed)
    arms = (series.canary, series.primary)
    patterns = (
        "none" if each is None else f"`{each.replace('[0-9a-zA-Z-]+', 'W')}`" if each else "empty" for each in arms
    )
    cells = (
        f"`{name}`",
        f"`{series.requests}` by `{series.code}`",
        f"`{series.buckets}`, {unit}{timed}",
        ", ".join(f"`{each}`" for each in series.selectors),
        f"`{series.arm}`",
        *patterns,
        series.note,
    )
    return "| " + " | ".join(cells) + " |"


def test_the_table_of_built_in_series_is_that_of_the_code() -> None:
    wanted = [write_row(name, series) for name, series in sorted(SERIES.items())]

    table = PAGE.partition("| provider | requests, by outcome |")[2].partition("\n\n")[0].splitlines()[2:]

    assert table == wanted, "\n".join(["docs/metrics.md should hold:", *wanted])


@pytest.mark.parametrize("provider", [*PROVIDERS, EXTERNAL, "keptn"])
def test_every_provider_is_on_the_page(provider: str) -> None:
    assert f"| `{provider}` |" in PAGE


@pytest.mark.parametrize("gap", list(Gap))
def test_every_gap_is_on_the_page(gap: Gap) -> None:
    assert f"| {gap.value} |" in PAGE


def test_the_page_has_the_codes_own_numbers_and_names() -> None:
    assert f"`{EXCLUDE_TRAFFIC}`" in PAGE
    assert f"{STALE_S:.0f} s" in PAGE
    assert f"[{HELD}]" in PAGE
    assert f"{NEWS_S:.0f} s at most" in PAGE
