import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_samples import report_of

from loadtester.report import ErrorCount, Health, Histogram, LoadReport
from loadtester.report.histogram import CELLS, cell_of, middle_of

durations = st.lists(st.integers(0, 134_000_000), max_size=40)


@given(st.integers(1, 134_000_000))
def test_a_cell_stands_for_its_durations_within_three_per_cent(duration_us: int) -> None:
    assert middle_of(cell_of(duration_us)) == pytest.approx(duration_us, rel=0.03)


@given(st.integers(0, 134_000_000))
def test_cells_keep_the_order_of_durations(duration_us: int) -> None:
    assert cell_of(duration_us) <= cell_of(duration_us + 1) < CELLS


def test_what_is_longer_than_the_scale_falls_into_the_last_cell() -> None:
    assert cell_of(10**12) == CELLS - 1


@given(durations, durations)
def test_histograms_merge_exactly(one: list[int], other: list[int]) -> None:
    assert Histogram.of(one).merge(Histogram.of(other)) == Histogram.of(one + other)


@given(durations, durations)
def test_a_window_holds_what_came_after_the_earlier_state(earlier: list[int], later: list[int]) -> None:
    window = Histogram.of(earlier + later).since(Histogram.of(earlier))

    assert window.cells == Histogram.of(later).cells


@given(durations)
def test_a_histogram_survives_json(values: list[int]) -> None:
    assert Histogram.from_dict(Histogram.of(values).to_dict()) == Histogram.of(values)


def test_a_percentile_of_nothing_is_not_zero() -> None:
    assert Histogram().percentile_ms(0.99) is None


def test_a_percentile_is_the_value_that_the_share_does_not_exceed() -> None:
    report = report_of(*[1000] * 98, 500_000, 900_000)

    assert report.percentile_ms(0.5, "/ad") == pytest.approx(1.0, rel=0.03)
    assert report.percentile_ms(0.99) == pytest.approx(500, rel=0.03)


def test_a_report_survives_json() -> None:
    errors = (ErrorCount("/ad", "status 500", "answered 500", 1),)
    report = report_of(1000, 2000, failures=1, errors=errors, health=Health(cpu_s=0.5), scheduled=2, elapsed_s=1.5)

    assert LoadReport.from_dict(report.to_dict()) == report


def test_a_window_of_a_report_subtracts_requests_errors_and_time() -> None:
    first = report_of(1000, failures=1, errors=(ErrorCount("/ad", "reset", "", 1),), elapsed_s=1.0)
    second = report_of(1000, 3000, failures=1, errors=(ErrorCount("/ad", "reset", "", 1),), elapsed_s=3.0)

    window = second.since(first)

    assert (window.requests, window.failures, window.errors, window.elapsed_s) == (1, 0, (), 2.0)
    assert window.rate_per_s == 0.5


def test_reports_of_two_workers_add_up() -> None:
    errors = (ErrorCount("/ad", "reset", "lost", 1),)
    one = report_of(1000, failures=1, errors=errors, elapsed_s=2.0)
    other = report_of(3000, failures=1, errors=errors, elapsed_s=2.0)

    both = one.merge(other)

    assert (both.requests, both.failures, both.errors[0].count, both.health.workers) == (2, 2, 2, 2)


def test_an_arm_of_a_comparison_is_a_report_under_the_plain_names() -> None:
    both = report_of(1000, name="canary /ad").merge(report_of(2000, 2000, name="primary /ad"))

    assert both.arm("canary ").named("/ad").requests == 1
    assert both.arm("primary ").requests == 2


def test_an_empty_report_has_no_failure_share() -> None:
    assert LoadReport().failure_share is None
    assert LoadReport().rate_per_s == 0
    assert LoadReport().cpu_share == 0


@pytest.mark.parametrize("document", [{}, {"schema": "other/1"}, {"schema": "penstock.load/1"}])
def test_what_is_no_report_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="report"):
        LoadReport.from_dict(document)
