"""Let Locust follow a plan's stages of users."""

from collections.abc import Sequence

from locust import LoadTestShape

from loadtester.plan import Segment


class StagedUsers(LoadTestShape):
    """Give the number of users that the stages ask for now."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Locust leaves it unannotated
        self._segments = segments

    def tick(self) -> tuple[int, float] | None:
        """Give users and spawn rate, None at the end."""
        passed_s: float = self.get_run_time()  # type: ignore[no-untyped-call]  # Locust leaves it unannotated
        for segment in self._segments:
            if passed_s < segment.duration_s:
                share = passed_s / segment.duration_s
                users = round(segment.start_level + (segment.end_level - segment.start_level) * share)
                return users, float(max(users, 1))
            passed_s -= segment.duration_s
        return None
