"""The API as requests reach it: tokens, methods, answers, and what goes wrong between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from networks import forms
from networks.faults import Fault, Gate, Slow, Troubles, withhold
from networks.telegram.calls import Call
from networks.telegram.chats import Wire
from networks.telegram.errors import (
    WEBHOOK_ACTIVE,
    ApiError,
    bad_request,
    conflict,
    unauthorized,
)
from networks.telegram.methods import METHODS, SPELLED
from networks.telegram.methods.asking import Described, allow_updates
from networks.telegram.updates import MAX_LIMIT, MAX_TIMEOUT_S, Poll
from networks.telegram.world import World
from networks.web import Exchange, Head, Request, Response

NOT_FOUND = ApiError(404, "Not Found")
NO_METHOD = ApiError(404, "Not Found: method not found")
INVALID_TOKEN = ApiError(401, "Unauthorized: invalid token specified")
TOKEN_CHARS = 80

DOWNLOAD = "download"
"""How the get of a file is called where methods are named."""
KNOWN = frozenset({*SPELLED.values(), DOWNLOAD})


class Api:
    """Answers requests.

    Args:
        world: What the network knows.
        troubles: What goes wrong.
    """

    def __init__(self, world: World, troubles: Troubles) -> None:
        self._world = world
        self._troubles = troubles

    def admit(self, head: Head) -> bool:
        """Tell whether a request is to be read."""
        method = head.path.removeprefix("/bot").partition("/")[2]
        if head.path.startswith("/file/"):
            method = DOWNLOAD
        return not self._troubles.is_reset(method)

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, at once or later."""
        try:
            self._route(exchange)
        except ApiError as error:
            exchange.answer(error.response())

    def _route(self, exchange: Exchange) -> None:
        token, call = self._read(exchange.request)
        self._world.record.calls.append(call)
        try:
            self._check_token(token)
            if call.method not in KNOWN:
                raise NO_METHOD
        except ApiError as error:
            self._finish(exchange, call, error.response())
            return
        self._disturbed(exchange, call)
        self._world.record.changed()

    def _read(self, request: Request) -> tuple[str, Call]:
        """Return a request's token and call.

        Raises:
            ApiError: It is neither one of a method nor one of a file.
        """
        for prefix, is_file in (("/file/bot", True), ("/bot", False)):
            if request.path.startswith(prefix):
                token, slash, rest = request.path.removeprefix(prefix).partition("/")
                if not slash:
                    raise NOT_FOUND
                call = self._call(request, DOWNLOAD if is_file else rest)
                if is_file:
                    call.params["path"] = unquote(rest)
                return token, call
        raise NOT_FOUND

    def _check_token(self, token: str) -> None:
        token = unquote(token)  # some clients escape its colon
        if token.startswith("0") or len(token) > TOKEN_CHARS or ":" not in token:
            raise INVALID_TOKEN
        if token != self._world.token:
            raise unauthorized()

    def _call(self, request: Request, method: str) -> Call:
        try:
            form = forms.parse(request)
        except forms.Malformed as error:
            raise bad_request("can't parse the request") from error
        return Call(
            at=self._world.clock.monotonic(),
            method=SPELLED.get(method.lower(), method),
            params=form.values,
            files=form.files,
            headers=request.headers,
            http_method=request.method,
        )

    def _disturbed(self, exchange: Exchange, call: Call) -> None:
        """Do a call, but for what goes wrong with it."""
        match self._troubles.of(call.method, call.chat_id()):
            case None:
                self._do(call, exchange, partial(self._finish, exchange, call))
            case ApiError() as error:
                self._finish(exchange, call, error.response())
            case Response() as response:
                self._finish(exchange, call, response)
            case Fault.HANG:
                pass
            case Fault() as fault:
                self._do(call, exchange, partial(withhold, fault, exchange))
            case Slow(seconds):
                later = asyncio.get_running_loop().call_later
                self._do(
                    call,
                    exchange,
                    lambda response: later(seconds, self._finish, exchange, call, response),
                )
            case Gate() as gate if gate.is_before:
                finish = partial(self._finish, exchange, call)
                gate.hold(call, partial(self._do, call, exchange, finish))
            case Gate() as gate:
                self._do(
                    call,
                    exchange,
                    lambda response: gate.hold(
                        call, partial(self._finish, exchange, call, response)
                    ),
                )

    def _finish(self, exchange: Exchange, call: Call, response: Response) -> None:
        call.status = response.status
        exchange.answer(response)
        self._world.record.changed()

    def _do(self, call: Call, exchange: Exchange, answer: Callable[[Response], Any]) -> None:
        """Do a call and hand over its answer, at once or when there is one."""
        try:
            if call.method == "getUpdates":
                self._poll(call, exchange, answer)
                return
            if call.method == DOWNLOAD:
                answer(self._file(call))
                return
            result = METHODS[call.method](self._world, call)
        except ApiError as error:
            answer(error.response())
            return
        body: Wire = {"ok": True, "result": result}
        if isinstance(result, Described):
            body = {"ok": True, "result": result.result, "description": result.description}
        call.result = body["result"]
        answer(Response(body=json.dumps(body).encode()))

    def _file(self, call: Call) -> Response:
        stored = self._world.files.download(call.text("path"))
        if stored is None:
            raise NOT_FOUND
        return Response(200, stored.content, "application/octet-stream")

    def _poll(self, call: Call, exchange: Exchange, answer: Callable[[Response], Any]) -> None:
        updates = self._world.updates
        if self._world.webhook:
            raise conflict(WEBHOOK_ACTIVE)
        allow_updates(self._world, call)
        limit = call.integer("limit", MAX_LIMIT)
        poll = Poll(
            offset=call.integer("offset"),
            limit=min(max(limit, 1), MAX_LIMIT),
            answer=lambda body: answer(Response(body=body)),
            refuse=lambda error: answer(error.response()),
        )
        exchange.on_gone = partial(updates.forget, poll)
        timeout_s = min(max(call.integer("timeout"), 0), MAX_TIMEOUT_S)
        updates.poll(poll, timeout_s, has_offset="offset" in call.params)
