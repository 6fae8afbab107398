"""What the bot asks about itself, and the commands that it offers."""

from __future__ import annotations

import re
from typing import Any

from networks.discord.calls import Call
from networks.discord.entities import Wire
from networks.discord.errors import Problems, missing_access, unknown
from networks.discord.permissions import reach_guild
from networks.discord.world import World

COMMAND_NAME = re.compile(r"[-_\w]{1,32}")
DESCRIPTION_CHARS = range(1, 101)
SLASH = 1


def get_gateway(world: World, call: Call) -> Wire:
    """Return where the gateway is."""
    return {"url": world.gateway_url()}


def get_gateway_bot(world: World, call: Call) -> Wire:
    """Return where the gateway is, and how many sessions may still begin."""
    limit = world.session_start_limit()
    return {"url": world.gateway_url(), "shards": 1, "session_start_limit": limit}


def get_me(world: World, call: Call) -> Wire:
    """Return the bot."""
    return {
        **world.bot.wire(),
        "bio": "",
        "banner": None,
        "accent_color": None,
        "locale": "en-US",
        "flags": 0,
        "mfa_enabled": False,
        "verified": True,
        "email": None,
    }


def get_user(world: World, call: Call) -> Wire:
    """Return somebody."""
    user = world.users.get(call.args["user"])
    if user is None:
        raise unknown("User")
    return user.wire()


def get_application(world: World, call: Call) -> Wire:
    """Return the bot's application."""
    owner = next((user for user in world.users.values() if not user.is_bot), world.bot)
    return {
        "id": world.bot.id,
        "name": world.bot.username,
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": owner.wire(),
        "team": None,
        "verify_key": "00" * 32,
        "flags": world.application_flags,
        "interactions_endpoint_url": None,
        "approximate_guild_count": len(world.guilds),
        "redirect_uris": [],
        "summary": "",
        "bot": world.bot.wire(),
    }


# --- commands ---


def _guild_id(world: World, call: Call) -> str:
    """Return which guild's commands are meant; empty: those of all."""
    if call.args["application"] != world.bot.id:
        raise missing_access()
    guild_id = call.args.get("guild", "")
    if guild_id:
        reach_guild(world, guild_id)
    return guild_id


def list_commands(world: World, call: Call) -> list[Wire]:
    """Return the commands that the bot offers."""
    return [*world.commands.get(_guild_id(world, call), {}).values()]


def replace_commands(world: World, call: Call) -> list[Wire]:
    """Offer these commands and no others."""
    guild_id = _guild_id(world, call)
    given: list[Any] = call.body if isinstance(call.body, list) else []
    problems = Problems()
    for number, one in enumerate(given):
        _check(one, problems, f"{number}.")
    problems.check()
    before = world.commands.get(guild_id, {})
    world.commands[guild_id] = {}
    for one in given:
        _offer(world, guild_id, one, before)
    return [*world.commands[guild_id].values()]


def create_command(world: World, call: Call) -> Wire:
    """Offer a command besides the others; one of the same name is replaced."""
    guild_id = _guild_id(world, call)
    problems = Problems()
    _check(call.fields, problems, "")
    problems.check()
    return _offer(world, guild_id, call.fields, world.commands.get(guild_id, {}))


def delete_command(world: World, call: Call) -> None:
    """Offer a command no longer."""
    commands = world.commands.get(_guild_id(world, call), {})
    if commands.pop(call.args["command"], None) is None:
        raise unknown("application command")


def _check(command: Wire, problems: Problems, path: str) -> None:
    name, description = str(command.get("name") or ""), str(command.get("description") or "")
    is_slash = (command.get("type") or SLASH) == SLASH
    if not name:
        problems.add(f"{path}name", "BASE_TYPE_REQUIRED", "This field is required")
    elif is_slash and (not COMMAND_NAME.fullmatch(name) or name != name.lower()):
        words = "Command name is invalid"
        problems.add(f"{path}name", "APPLICATION_COMMAND_INVALID_NAME", words)
    if is_slash and not description:
        problems.add(f"{path}description", "BASE_TYPE_REQUIRED", "This field is required")
    elif is_slash and len(description) not in DESCRIPTION_CHARS:
        words = f"Must be between 1 and {DESCRIPTION_CHARS[-1]} in length."
        problems.add(f"{path}description", "BASE_TYPE_BAD_LENGTH", words)


def _offer(world: World, guild_id: str, given: Wire, before: dict[str, Wire]) -> Wire:
    kind = given.get("type") or SLASH
    same = (
        one for one in before.values() if (one["name"], one["type"]) == (given["name"], kind)
    )
    old = next(same, None)
    command: Wire = {
        "description": "",
        "default_member_permissions": None,
        "dm_permission": True,
        "nsfw": False,
        "options": [],
        **given,
        "id": old["id"] if old else world.next_id(),
        "application_id": world.bot.id,
        "type": kind,
        "version": world.next_id(),
    }
    if guild_id:
        command["guild_id"] = guild_id
    world.commands.setdefault(guild_id, {})[command["id"]] = command
    return command
