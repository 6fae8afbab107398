"""The API as requests reach it: tokens, methods, answers, and what goes wrong between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from networks import forms
from networks.faults import Fault, Gate, Slow, Troubles, withhold
from networks.slack.calls import Call
from networks.slack.chats import Wire
from networks.slack.errors import LOGIN_PAGE, ApiError, RateLimited
from networks.slack.methods import METHODS, media, sending
from networks.slack.socket_mode import SocketMode
from networks.slack.world import World
from networks.web import Exchange, Head, Request, Response

API = "/api/"
OPEN = "apps.connections.open"
PLACES = {
    "/upload/v1/": "upload",
    "/files-pri/": "download",
    "/commands/": "respond",
    "/actions/": "respond",
}
"""By the beginning of a path: how a request without a method is called."""


class Tokens:
    """The tokens that are good.

    Args:
        bot: `xoxb-`.
        app: `xapp-`, for Socket Mode alone.
    """

    def __init__(self, bot: str, app: str) -> None:
        self.bot = bot
        self.app = app
        self.refused: dict[str, str] = {}
        """By token: the error that it gets now."""

    def check(self, token: str, method: str) -> None:
        """Check that a token is good for a method.

        Raises:
            ApiError: It is not.
        """
        if not token:
            raise ApiError("not_authed")
        if token in self.refused:
            raise ApiError(self.refused[token])
        if token not in (self.bot, self.app):
            raise ApiError("invalid_auth")
        if (token == self.app) != (method == OPEN):
            raise ApiError("not_allowed_token_type")


class Api:
    """Answers requests.

    Args:
        world: What the network knows.
        troubles: What goes wrong.
        tokens: Who may call.
        socket_mode: Where connections are opened.
    """

    def __init__(
        self, world: World, troubles: Troubles, tokens: Tokens, socket_mode: SocketMode
    ) -> None:
        self._world = world
        self._troubles = troubles
        self._tokens = tokens
        self._socket_mode = socket_mode

    def admit(self, head: Head) -> bool:
        """Tell whether a request is to be read."""
        return not self._troubles.is_reset(_method_of(head.path))

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, at once or later."""
        call = self._read(exchange.request)
        self._world.record.calls.append(call)
        self._disturbed(exchange, call)
        self._world.record.changed()

    def _read(self, request: Request) -> Call:
        method = _method_of(request.path)
        call = Call(
            at=self._world.clock.monotonic(),
            method=method,
            params={},
            headers=request.headers,
            body=request.body,
            path=request.path,
        )
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        call.token = token.strip() if scheme.lower() == "bearer" else ""
        try:
            form = forms.parse(request) if method not in PLACES.values() else forms.Form({})
        except forms.Malformed:
            call.error = "invalid_json" if "json" in _kind(request) else "invalid_form_data"
            return call
        is_json = _kind(request) == "application/json"
        if not is_json or method not in METHODS or METHODS[method].takes_json:
            call.params, call.files = form.values, form.files
        call.token = str(call.params.pop("token", "")) or call.token
        return call

    def _disturbed(self, exchange: Exchange, call: Call) -> None:
        """Do a call, but for what goes wrong with it."""
        finish = partial(self._finish, exchange, call)
        match self._troubles.of(call.method, call.params.get("channel")):
            case None:
                finish(self._do(call))
            case Response() as response:
                finish(response)
            case Fault.HANG:
                pass
            case Fault() as fault:
                withhold(fault, exchange, self._do(call))
            case Slow(seconds):
                response = self._do(call)
                asyncio.get_running_loop().call_later(seconds, finish, response)
            case Gate() as gate if gate.is_before:
                gate.hold(call, lambda: finish(self._do(call)))
            case Gate() as gate:
                gate.hold(call, partial(finish, self._do(call)))
            case refusal:
                finish(refusal.response())

    def _finish(self, exchange: Exchange, call: Call, response: Response) -> None:
        call.status = response.status
        exchange.answer(response)
        self._world.record.changed()

    # --- doing it ---

    def _do(self, call: Call) -> Response:
        """Do a call; return its answer."""
        other: dict[str, Callable[[Call], Response]] = {
            "upload": self._upload,
            "download": self._download,
            "respond": self._respond,
        }
        if not call.path.startswith(API):
            return other.get(call.method, _not_found)(call)
        try:
            result = self._called(call)
        except ApiError as error:
            call.error = error.error
            return self._told(error.response())
        except RateLimited as error:
            call.error = "ratelimited"
            return error.response()
        call.result = result
        return self._told(Response(body=json.dumps({"ok": True, **result}).encode()))

    def _called(self, call: Call) -> Wire:
        if call.error:
            raise ApiError(call.error)
        if call.method == OPEN:
            self._tokens.check(call.token, call.method)
            self._world.rates.take(call.method, 1)
            return {"url": self._socket_mode.url()}
        method = METHODS.get(call.method)
        if method is None:
            raise ApiError("unknown_method", req_method=call.method)
        self._tokens.check(call.token, call.method)
        if method.scope:
            self._world.need(method.scope)
        self._world.rates.take(call.method, method.tier)
        return method.do(self._world, call) | _warnings(call)

    def _told(self, response: Response) -> Response:
        scopes = {"x-oauth-scopes": ",".join(sorted(self._world.scopes))}
        kind = "application/json; charset=utf-8"
        return Response(response.status, response.body, kind, {**response.headers, **scopes})

    def _upload(self, call: Call) -> Response:
        request = Request("POST", call.path, "", call.headers, call.body)
        return media.receive(self._world, request)

    def _download(self, call: Call) -> Response:
        """Give out a file, or a page to sign in on: that is what one without a right gets."""
        is_allowed = call.token == self._tokens.bot and call.token not in self._tokens.refused
        stored = self._world.files.at(call.path)
        if not is_allowed or "files:read" not in self._world.scopes:
            return LOGIN_PAGE
        if stored is None:
            return _not_found(call)
        return Response(200, stored.content or b"", stored.mimetype)

    def _respond(self, call: Call) -> Response:
        hook = self._world.hooks.get(call.path)
        if hook is None or self._world.clock.monotonic() >= hook.until:
            return _hook_error(404, "expired_url")
        if hook.uses <= 0:
            return _hook_error(404, "used_url")
        try:
            given: Any = json.loads(call.body)
            call.params = dict(given)
            sending.respond(self._world, hook.channel, call.params)
        except (ValueError, TypeError):
            return _hook_error(400, "invalid_payload")
        except ApiError as error:
            return _hook_error(400, error.error)
        hook.uses -= 1
        return Response(200, b"ok", "text/plain")


def _method_of(path: str) -> str:
    for beginning, name in PLACES.items():
        if path.startswith(beginning):
            return name
    return path.removeprefix(API)


def _kind(request: Request) -> str:
    return forms.content_type(request.headers.get("content-type", ""))[0]


def _warnings(call: Call) -> Wire:
    """Return the fields that scold a body of JSON without a charset."""
    kind, options = forms.content_type(call.headers.get("content-type", ""))
    if kind != "application/json" or options.get("charset"):
        return {}
    return {"warning": "missing_charset"}


def _not_found(call: Call) -> Response:
    return Response(404, b"not found", "text/plain")


def _hook_error(status: int, error: str) -> Response:
    return Response(status, json.dumps({"ok": False, "error": error}).encode())
