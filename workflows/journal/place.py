"""Say where journals are: beside their reports, older ones beside those."""

from pathlib import Path

from workflows.errors import ConfigurationError

SUFFIX = ".journal.jsonl"
"""How the name of a journal ends."""


MOST_ASIDE = 999
"""How many older journals may stand beside one."""


def beside(report: Path, name: str) -> Path:
    """Name the journal that is left beside a report."""
    return report.with_name(name + SUFFIX)


def aside(path: Path) -> Path:
    """Name the first free place for an older journal: `ad.journal.jsonl` goes to `ad.1.journal.jsonl`."""
    stem = path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem
    suffix = SUFFIX if path.name.endswith(SUFFIX) else path.suffix
    places = (path.with_name(f"{stem}.{number}{suffix}") for number in range(1, MOST_ASIDE + 1))
    free = next((place for place in places if not place.exists()), None)
    if free is None:
        raise ConfigurationError(f"{path}: {MOST_ASIDE} older journals stand beside it; move some of them away")
    return free


def find(run: str) -> tuple[Path, ...]:
    """Find the journals of a run: the file, those in a folder, those beside a report, or the one of that name."""
    path = Path(run)
    if path.is_dir():
        found = tuple(sorted(path.glob(f"*{SUFFIX}"), key=lambda each: each.stat().st_mtime))
    elif path.suffix == ".json" and path.is_file():
        return find(str(path.parent))
    else:
        named = path.with_name(path.name + SUFFIX)
        found = (path if path.exists() or not named.exists() else named,)
    if not found:
        raise ConfigurationError(f"{run}: no journal (*{SUFFIX}) is there; `penstock run --journal FILE` leaves one")
    return found
