"""Which plugins are installed. Nothing of theirs is imported here."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import attrs

from cobot.hookspecs import PROJECT


@attrs.frozen
class Candidate:
    """An installed plugin: a name in the entry-point group, and who provides it."""

    name: str
    """The entry point's name."""
    entry_points: tuple[EntryPoint, ...]
    """More than one if several distributions claim the name; then none is loaded."""

    @property
    def distribution(self) -> str:
        """The distribution, or all that claim the name."""
        return ", ".join(sorted({_distribution(one) for one in self.entry_points}))

    @property
    def version(self) -> str:
        """The distribution's version, or all of them."""
        found = {one.dist.version for one in self.entry_points if one.dist is not None}
        return ", ".join(sorted(found))

    @property
    def conflict(self) -> str | None:
        """Why none of them can be loaded, if there are several."""
        if len(self.entry_points) == 1:
            return None
        return (
            f"more than one distribution provides {self.name!r}: {self.distribution};"
            " uninstall all but one"
        )


def discover() -> dict[str, Candidate]:
    """Return the installed plugins by name."""
    found: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group=PROJECT):
        found.setdefault(entry_point.name, []).append(entry_point)
    return {name: Candidate(name, tuple(points)) for name, points in sorted(found.items())}


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else "an unknown distribution"
