"""Split traffic on paper: for tests and dry runs."""

from workflows.rollout.traffic import Route


class MemoryRouter:
    """Remember the split in force and every one before it."""

    def __init__(self, route: Route | None = None) -> None:
        self._route = route or Route()
        self.history: list[Route] = []

    def read(self) -> Route:
        """Give the split that is in force."""
        return self._route

    def shift(self, route: Route) -> None:
        """Put a split in force."""
        self._route = route
        self.history.append(route)
