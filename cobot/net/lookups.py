"""Looking at where a name leads before we go there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from cobot.errors import Rejected
from cobot.net.calls import Call


async def looked_up(call: Call, allows: Callable[[str], bool]) -> list[str]:
    """Return the addresses for which a call's host stands, each once, the preferred one first.

    Args:
        call: What is about to be done.
        allows: Says of an address whether we go there.

    Raises:
        Rejected: One of them is not allowed. Which of them is tried is not for us to say.
        OSError: Nobody knows the name.
    """
    url = call.request.url
    loop = asyncio.get_running_loop()
    known = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    found = dict.fromkeys(str(where[0]) for *_, where in known)
    for address in found:
        if not allows(address):
            raise refusal(call, address)
    return [*found]


def refusal(call: Call, address: str) -> Rejected:
    """Return that we do not go to an address."""
    return call.rejected(f"{address} is not an address on the internet: we do not go there")
