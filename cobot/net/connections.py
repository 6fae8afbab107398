"""Connections that come in: uvicorn's, with a limit of time for what is read.

uvicorn limits how long a connection may be idle and how long a head may be, and not how
slowly a request may come: who sends a letter a minute would keep a place for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

# Belongs to nobody and writes nothing: who sends rubbish shall not fill the owner's log.
_SILENT = logging.Logger("cobot.net.webhooks", level=logging.CRITICAL + 1)  # noqa: LOG001

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(H11Protocol):
    """One connection. A request has to be here in time, from its first byte to its last."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        *,
        read_s: float,
        may_stay: Callable[[], bool],
        on_lost: Callable[[], None],
    ) -> None:
        """Wait for what comes.

        Args:
            config: uvicorn's settings, loaded.
            state: What the connections of a server have in common.
            read_s: How long a request may take to arrive, in seconds; for the first one
                counted from when the connection was made.
            may_stay: Says of a new connection whether it is kept.
            on_lost: Called when the connection is gone.
        """
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self.logger = self.access_logger = _SILENT
        self.access_log = False
        self._read_s = read_s
        self._may_stay = may_stay
        self._on_lost = on_lost
        self._timer: asyncio.TimerHandle | None = None

    @property
    def awaits_answer(self) -> bool:
        """Whether all of a request is here, and it is not answered."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)

    def connection_made(  # type: ignore[override] # as uvicorn has it
        self, transport: asyncio.Transport
    ) -> None:
        """Take over a connection."""
        super().connection_made(transport)
        if self._may_stay():
            self._timer = self.loop.call_later(self._read_s, self._give_up)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn forgets it if the connection broke
        self._stop_timer()
        self._on_lost()

    def handle_events(self) -> None:
        """Take what came, or what had to wait for the answer to what came before."""
        super().handle_events()
        if not self._is_reading or self.transport.is_closing():
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._read_s, self._give_up)

    def send_400_response(self, msg: str) -> None:
        """Say that it was no HTTP, unless something was said already."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    @property
    def _is_reading(self) -> bool:
        """Whether part of a request is here, and the rest is to come."""
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])
        return self.conn.their_state is h11.SEND_BODY

    def _give_up(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        # Between two requests, `cycle` is still that of the first.
        is_answered = self.conn.their_state is h11.SEND_BODY and self.cycle.response_started
        if self._is_reading and not is_answered:
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
