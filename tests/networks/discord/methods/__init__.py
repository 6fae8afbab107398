"""What can be asked of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import unquote

import attrs

from networks.discord.calls import Call
from networks.discord.methods import channels, interactions, messages, own, reactions
from networks.discord.world import World

Method: TypeAlias = Callable[[World, Call], Any]


@attrs.frozen
class Route:
    """A method, and the requests that it answers."""

    http_method: str
    path: str
    name: str
    """Of the method, where tests name it."""
    method: Method
    pattern: re.Pattern[str]
    needs_token: bool = True


def _route(line: str, method: Method, *, needs_token: bool = True) -> Route:
    http_method, path = line.split()
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    name = method.__name__
    return Route(http_method, path, name, method, re.compile(pattern), needs_token)


MESSAGE = "/channels/{channel}/messages/{message}"
REACTION = f"{MESSAGE}/reactions/{{emoji}}"
COMMANDS = "/applications/{application}/commands"
GUILD_COMMANDS = "/applications/{application}/guilds/{guild}/commands"
WEBHOOK = "/webhooks/{application}/{token}"


ROUTES = (
    _route("GET /gateway", own.get_gateway, needs_token=False),
    _route("GET /gateway/bot", own.get_gateway_bot),
    _route("GET /users/@me", own.get_me),
    _route("GET /users/@me/guilds", channels.list_guilds),
    _route("POST /users/@me/channels", channels.create_dm),
    _route("GET /users/{user}", own.get_user),
    _route("GET /applications/@me", own.get_application),
    _route("GET /oauth2/applications/@me", own.get_application),
    _route("GET /guilds/{guild}", channels.get_guild),
    _route("GET /guilds/{guild}/channels", channels.list_channels),
    _route("GET /guilds/{guild}/threads/active", channels.list_threads),
    _route("GET /guilds/{guild}/members/{user}", channels.get_member),
    _route("GET /channels/{channel}", channels.get_channel),
    _route("PATCH /channels/{channel}", channels.edit_channel),
    _route("POST /channels/{channel}/typing", channels.typing),
    _route("GET /channels/{channel}/messages", messages.list_messages),
    _route("POST /channels/{channel}/messages", messages.create_message),
    _route("POST /channels/{channel}/messages/bulk-delete", messages.bulk_delete),
    _route(f"GET {MESSAGE}", messages.get_message),
    _route(f"PATCH {MESSAGE}", messages.edit_message),
    _route(f"DELETE {MESSAGE}", messages.delete_message),
    _route(f"POST {MESSAGE}/threads", channels.start_thread_at),
    _route("POST /channels/{channel}/threads", channels.start_thread),
    _route("GET /channels/{channel}/threads/archived/public", channels.list_archived_threads),
    _route("PUT /channels/{channel}/thread-members/@me", channels.join_thread),
    _route(f"DELETE {MESSAGE}/reactions", reactions.clear_reactions),
    _route(f"GET {REACTION}", reactions.list_reactions),
    _route(f"DELETE {REACTION}", reactions.clear_reactions_of),
    _route(f"PUT {REACTION}/@me", reactions.react),
    _route(f"DELETE {REACTION}/@me", reactions.unreact),
    _route(f"DELETE {REACTION}/{{user}}", reactions.unreact_other),
    *(
        route
        for path in (COMMANDS, GUILD_COMMANDS)
        for route in (
            _route(f"GET {path}", own.list_commands),
            _route(f"PUT {path}", own.replace_commands),
            _route(f"POST {path}", own.create_command),
            _route(f"DELETE {path}/{{command}}", own.delete_command),
        )
    ),
    _route(
        "POST /interactions/{interaction}/{token}/callback",
        interactions.answer,
        needs_token=False,
    ),
    _route(f"POST {WEBHOOK}", interactions.follow_up, needs_token=False),
    _route(f"GET {WEBHOOK}/messages/{{message}}", interactions.get_answer, needs_token=False),
    _route(
        f"PATCH {WEBHOOK}/messages/{{message}}", interactions.edit_answer, needs_token=False
    ),
    _route(
        f"DELETE {WEBHOOK}/messages/{{message}}", interactions.delete_answer, needs_token=False
    ),
)
"""The first that fits is taken."""

NAMES = frozenset(route.name for route in ROUTES)


def find_route(http_method: str, path: str) -> tuple[Route | None, dict[str, str], bool]:
    """Return the route of a request, what its path names, and whether the path is known.

    Args:
        http_method: Of the request.
        path: Below the version, percent-encoded.
    """
    is_known = False
    for route in ROUTES:
        if match := route.pattern.fullmatch(path):
            is_known = True
            if route.http_method == http_method:
                args = {name: unquote(value) for name, value in match.groupdict().items()}
                return route, args, True
    return None, {}, is_known
