"""What stands in a channel or a thread, read page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from cobot_slack.contents import Wire
from cobot_slack.errors import Refusal

PAGE = 200
"""Messages of one page."""

PAGES_MOST = 50
"""Pages that are read at most: nobody waits for more."""

Read: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[dict[str, Any] | Refusal]]
"""Calls a method that only tells, with its parameters."""


@attrs.frozen
class History:
    """Messages, in no order."""

    messages: Sequence[Wire]
    is_whole: bool = True
    """Whether there are no more; if there are, Slack tells the oldest of a channel last."""


async def read_history(read: Read, method: str, params: Mapping[str, str]) -> History | Refusal:
    """Return what all pages have, or the first Refusal.

    Args:
        read: Asks for a page.
        method: `conversations.history` or `conversations.replies`.
        params: Which channel, which thread, since when.
    """
    found: list[Wire] = []
    cursor = ""
    for _ in range(PAGES_MOST):
        more = {"cursor": cursor} if cursor else {}
        told = await read(method, {"limit": str(PAGE), **params, **more})
        if isinstance(told, Refusal):
            return told
        found += told.get("messages") or ()
        cursor = str((told.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return History(found)
    return History(found, is_whole=False)
