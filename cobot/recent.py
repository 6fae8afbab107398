"""What is remembered for a while, so that it does not grow without end."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping that forgets what was put in first."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int) -> None:
        """Remember so many at most."""
        self._most = most
        self._kept: dict[K, V] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[K]:
        """Yield the keys, what was put in first before the others."""
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """Return what was put under a key; None: nothing, or it is forgotten."""
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep something. What is put in once more keeps its place in the row."""
        if key not in self._kept and len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = value

    def pop(self, key: K) -> V | None:
        """Forget something and return it; None: it is not known."""
        return self._kept.pop(key, None)
