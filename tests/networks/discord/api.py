"""The API as requests reach it: tokens, routes, answers, and what goes wrong between."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from networks import forms
from networks.discord.calls import Call
from networks.discord.errors import VIA, ApiError, invalid, unauthorized
from networks.discord.methods import Route, find_route
from networks.discord.world import World
from networks.faults import Fault, Gate, Slow, Troubles, withhold
from networks.web import Exchange, Head, Request, Response

VERSIONED = re.compile(r"/api(?:/v(\d+))?(/.*)")
VERSIONS = ("9", "10")
AGENT = re.compile(r"DiscordBot \(\S+ \S+\)")  # also without the comma, as clients have it
CONTENT_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)
DOWNLOAD = "download"
"""How the get of a file is called where routes are named."""
FILES = re.compile(r"/attachments/(\d+)/(\d+)/([^/]+)")
IDS = ("channel", "guild", "message", "user", "command", "application", "interaction")
PLACES = ("channel", "guild", "token")
"""What a path names that limits are kept apart by."""

NOTHING = "text/html; charset=utf-8"
"""The type of an answer that has no content."""
GONE = Response(404, b"This content is no longer available.", "text/plain;charset=UTF-8")


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
        name, args, _ = _named(head)
        return not self._troubles.is_reset(name, args.get("channel"))

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, at once or later."""
        request = exchange.request
        name, args, route = _named(request)
        call = Call(
            at=self._world.clock.monotonic(),
            route=name,
            http_method=request.method,
            path=request.path,
            args=args,
            query=dict(parse_qsl(request.query, keep_blank_values=True)),
            headers=request.headers,
        )
        self._world.record.calls.append(call)
        limits: dict[str, str] = {}
        try:
            if name != DOWNLOAD:
                if ban := self._world.rates.ban():
                    self._finish(exchange, call, ban)
                    return
                limits = self._admitted(call, request, route)
        except ApiError as error:
            self._finish(exchange, call, error.response(), error)
            return
        self._disturbed(exchange, call, route, limits)
        self._world.record.changed()

    def _admitted(self, call: Call, request: Request, route: Route | None) -> dict[str, str]:
        """Check what is the same for all requests; return the headers of limits.

        Raises:
            ApiError: The request goes no further.
        """
        match = VERSIONED.fullmatch(request.path)
        if match and match[1] not in VERSIONS:
            raise ApiError(400, 50041, "Invalid API version provided.")
        is_exempt = route is not None and not route.needs_token
        if not is_exempt and not AGENT.match(call.headers.get("user-agent", "")):
            raise ApiError(403, 40333, "internal network error")
        if not is_exempt and call.headers.get("authorization") != f"Bot {self._world.token}":
            raise unauthorized()
        if route is None:
            is_known = (
                bool(match) and find_route(request.method, match[2])[2] if match else False
            )
            status, words = (
                (405, "405: Method Not Allowed") if is_known else (404, "404: Not Found")
            )
            raise ApiError(status, 0, words)
        _read(call, request)
        place = next((call.args[key] for key in PLACES if key in call.args), "")
        limits = self._world.rates.take(call.route, place, is_exempt=is_exempt)
        for key in IDS:
            value = call.args.get(key, "0")
            if not value.isdecimal() and not value.startswith("@"):
                words = f'Value "{value}" is not snowflake.'
                raise invalid(f"{key}_id", "NUMBER_TYPE_COERCE", words)
        return limits

    def _disturbed(
        self, exchange: Exchange, call: Call, route: Route | None, limits: dict[str, str]
    ) -> None:
        """Do a call, but for what goes wrong with it."""
        finish = partial(self._finish, exchange, call)
        do = partial(self._do, call, route, limits)
        match self._troubles.of(call.route, call.channel_id):
            case None:
                do(finish)
            case ApiError() as error:
                finish(error.response(), error)
            case Response() as response:
                finish(response)
            case Fault.HANG:
                pass
            case Fault() as fault:
                do(lambda response, error=None: withhold(fault, exchange, response))
            case Slow(seconds):
                later = asyncio.get_running_loop().call_later
                do(lambda response, error=None: later(seconds, finish, response, error))
            case Gate() as gate if gate.is_before:
                gate.hold(call, partial(do, finish))
            case Gate() as gate:
                do(
                    lambda response, error=None: gate.hold(
                        call, partial(finish, response, error)
                    )
                )

    def _finish(
        self, exchange: Exchange, call: Call, response: Response, error: ApiError | None = None
    ) -> None:
        call.status = response.status
        self._world.rates.count(response, is_shared=error is not None and error.is_shared)
        exchange.answer(response)
        self._world.record.changed()

    def _do(
        self,
        call: Call,
        route: Route | None,
        limits: dict[str, str],
        answer: Callable[..., Any],
    ) -> None:
        """Do a call and hand over its answer."""
        if route is None:
            answer(self._file(call))
            return
        try:
            call.result = route.method(self._world, call)
        except ApiError as error:
            error.headers = {**limits, **error.headers}
            answer(error.response(), error)
            return
        headers = {**VIA, **limits}
        if call.result is None:
            answer(Response(204, content_type=NOTHING, headers=headers))
        else:
            answer(Response(200, json.dumps(call.result).encode(), headers=headers))

    def _file(self, call: Call) -> Response:
        """Return a file; the store is open to whoever has a signed link."""
        stored = self._world.files.download(call.args["channel"], call.args["file"], call.query)
        if stored is None:
            return GONE
        kind = stored.content_type or "application/octet-stream"
        return Response(200, stored.content, kind)


def _named(head: Head) -> tuple[str, dict[str, str], Route | None]:
    """Return what a request is called, what its path names, and its route."""
    if match := FILES.fullmatch(head.path):
        return (
            DOWNLOAD,
            {"channel": match[1], "file": match[2], "name": unquote(match[3])},
            None,
        )
    if match := VERSIONED.fullmatch(head.path):
        route, args, _ = find_route(head.method, match[2])
        if route:
            return route.name, args, route
    return "", {}, None


def _read(call: Call, request: Request) -> None:
    """Read the body of a request into its call.

    Raises:
        ApiError: It is not what it says it is.
    """
    if not request.body:
        return
    kind, _ = forms.content_type(request.headers.get("content-type", ""))
    if kind not in CONTENT_TYPES:
        names = ", ".join(f"'{one}'" for one in CONTENT_TYPES)
        words = f'Expected "Content-Type" header to be one of {{{names}}}.'
        raise invalid("", "CONTENT_TYPE_INVALID", words)
    try:
        if kind == "application/json":
            call.body = json.loads(request.body)
            return
        form = forms.parse(request)
        payload = form.values.get("payload_json")
        call.files = form.files
        call.body = form.values if payload is None else json.loads(payload)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None
