"""Say when each request is due: pure, at a steady rate, whatever became of the earlier ones."""

PATIENCE_S = 1.0
"""How late a request may be sent; what is later (a machine that slept) is left out, never sent in a heap."""


class Schedule:
    """Give one moment after another, `per_second` of them, from `began` on; all times are seconds of one clock."""

    def __init__(self, per_second: float, began: float) -> None:
        self.left_out = 0
        self.behind_s = 0.0
        self._step = 1 / per_second
        self._began = began
        self._next = 0

    def next_due(self, now: float) -> float:
        """Give the moment of the next request that is not too late to be sent."""
        missed = int((now - PATIENCE_S - self._began) / self._step) + 1 - self._next
        if missed > 0:
            self.left_out += missed
            self._next += missed
        due = self._began + self._next * self._step
        self._next += 1
        self.behind_s = max(self.behind_s, now - due)
        return due
