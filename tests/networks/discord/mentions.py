"""Whom a message pings."""

from __future__ import annotations

import re
from typing import Any

from networks.discord.calls import Call
from networks.discord.entities import Message, Wire
from networks.discord.errors import Problems
from networks.discord.permissions import may
from networks.discord.world import World

USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)\b")

KINDS = ("users", "roles", "everyone")
MOST = 100


def allowed(call: Call) -> Wire | None:
    """Return a request's `allowed_mentions`; None: all are.

    Raises:
        ApiError: They are not as they have to be.
    """
    found: Wire | None = call.get("allowed_mentions", dict)
    if found is None:
        return None
    problems = Problems()
    parse = found.get("parse") or []
    for number, kind in enumerate(parse):
        if kind not in KINDS:
            words = f"Value must be one of {KINDS}."
            problems.add(f"allowed_mentions.parse.{number}", "BASE_TYPE_CHOICES", words)
    for kind in ("users", "roles"):
        listed = found.get(kind) or []
        if len(listed) > MOST:
            words = f"Must be {MOST} or fewer in length."
            problems.add(f"allowed_mentions.{kind}", "BASE_TYPE_BAD_LENGTH", words)
        if listed and kind in parse:
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            problems.add("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
    problems.check()
    return found


def ping(world: World, message: Message, permitted: Wire | None) -> None:
    """Work out whom a message pings.

    Args:
        world: The network.
        message: Whose content and reply are looked at.
        permitted: The `allowed_mentions`; None: all are.
    """
    guild = message.channel.guild
    of_bot = message.author is world.bot
    may_all = not of_bot or may(message.channel, "MENTION_EVERYONE")
    users = {
        one for one in USER.findall(message.content) if _is_allowed("users", one, permitted)
    }
    pinged = [user for key, user in world.users.items() if key in users]
    asked = message.reply_to
    if asked and _pings_replied(permitted) and asked.author not in pinged:
        pinged.append(asked.author)
    message.mentions = pinged
    message.mention_everyone = bool(
        may_all and EVERYONE.search(message.content) and _is_allowed("everyone", "", permitted)
    )
    message.mention_roles = []
    for role_id in ROLE.findall(message.content) if guild else ():
        role = guild.roles.get(role_id) if guild else None
        if (
            role
            and (may_all or role.is_mentionable)
            and _is_allowed("roles", role_id, permitted)
        ):
            message.mention_roles.append(role)


def _is_allowed(kind: str, one: str, permitted: Wire | None) -> bool:
    if permitted is None:
        return True
    listed: list[Any] = permitted.get(kind) or []
    return kind in (permitted.get("parse") or []) or (
        kind != "everyone" and one in map(str, listed)
    )


def _pings_replied(permitted: Wire | None) -> bool:
    return permitted is None or bool(permitted.get("replied_user"))
