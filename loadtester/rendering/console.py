"""Write what a person sees while a run goes."""

from loadtester.report import LoadReport

_BAR = 30


def progress_lines(report: LoadReport, window: LoadReport, length_s: float) -> list[str]:
    """Give the view of one moment: progress, rate, errors, latencies and the generator's health."""
    share = min(report.elapsed_s / length_s, 1.0) if length_s else 0.0
    bar = "#" * round(share * _BAR)
    return [
        f"[{bar:<{_BAR}}] {report.elapsed_s:6.0f} of {length_s:.0f} s   {report.requests} requests",
        f"  now   {_moment(window)}",
        f"  total {_moment(report)}",
        f"  generator {_health(report, window)}",
    ]


def _health(report: LoadReport, window: LoadReport) -> str:
    lag = _ms(window.lag.percentile_ms(0.99))
    text = f"{window.cpu_share:.0%} of a core, {report.health.memory_mb:.0f} MB, lag p99 {lag}, "
    return text + f"{report.dropped} dropped, {report.health.in_flight} in flight"


def progress_line(report: LoadReport, window: LoadReport) -> str:
    """Give the same in one line, for a log."""
    return f"{report.elapsed_s:6.0f} s  {_moment(window)}  {report.dropped} dropped"


def _moment(report: LoadReport) -> str:
    response = report.total.response
    times = " ".join(f"p{share * 100:.0f} {_ms(response.percentile_ms(share))}" for share in (0.5, 0.95, 0.99))
    failed = report.failure_share
    return f"{report.rate_per_s:8.1f}/s  failed {'-' if failed is None else f'{failed:.2%}'}  {times}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g} ms"
