"""What a message says, in words: text, and what is no file and no text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Wire: TypeAlias = Mapping[str, Any]
"""An object of the API, as JSON has it."""

HAS_SNAPSHOT = 1 << 14
"""The flag of a message that forwards another."""

_MENTION = re.compile(r"<(@!?|@&|#)(\d{1,20})>")
_EMOJI = re.compile(r"<a?:(\w+):\d{1,20}>")
_COMMAND = re.compile(r"</([^:>]+):\d{1,20}>")


def words_of(message: Wire, names: Callable[[str, str], str | None] | None = None) -> str:
    """Return what a message says; empty for files without a text.

    Args:
        message: The message.
        names: Gives the name of a channel (`#`) or role (`@&`) by its id, if it is known.
    """
    pieces = [_text(message, names)]
    pieces += [_forwarded(one, names) for one in message.get("message_snapshots") or ()]
    if not any(pieces):
        pieces += [f"sticker: {one['name']}" for one in message.get("sticker_items") or ()]
        pieces += map(_embed, message.get("embeds") or ())
    if message.get("poll"):
        pieces.append(_poll(message["poll"]))
    return "\n\n".join(filter(None, pieces))


def without_address(content: str, bot_id: str) -> str:
    """Return a text without the mention of the bot that it begins with, if more follows."""
    match = re.match(rf"\s*<@!?{bot_id}>[\s,:]*", content)
    if match is None or not content[match.end() :].strip():
        return content
    return content[match.end() :]


def _text(message: Wire, names: Callable[[str, str], str | None] | None) -> str:
    content = str(message.get("content") or "")
    if "<" not in content:
        return content
    people = {str(one["id"]): _name(one) for one in message.get("mentions") or ()}

    def named(match: re.Match[str]) -> str:
        sign, thing_id = match.groups()
        if sign in ("@", "@!"):
            name = people.get(thing_id)
        else:
            name = None if names is None else names(sign, thing_id)
        return match.group() if name is None else f"{sign[0]}{name}"

    content = _MENTION.sub(named, content)
    return _COMMAND.sub(r"/\1", _EMOJI.sub(r":\1:", content))


def _name(user: Wire) -> str:
    member = user.get("member") or {}
    return str(member.get("nick") or user.get("global_name") or user.get("username"))


def _forwarded(snapshot: Wire, names: Callable[[str, str], str | None] | None) -> str:
    # Who wrote it is not told.
    message = snapshot["message"]
    words = words_of(message, names)
    return "\n".join(f"> {line}" for line in words.splitlines())


def _embed(embed: Wire) -> str:
    pieces = [embed.get("title"), embed.get("description")]
    pieces += [f"{one.get('name')}: {one.get('value')}" for one in embed.get("fields") or ()]
    return "\n".join(str(one) for one in pieces if one)


def _poll(poll: Wire) -> str:
    answers = [f"- {one['poll_media'].get('text') or ''}" for one in poll["answers"]]
    return "\n".join([f"poll: {poll['question'].get('text') or ''}", *answers])


def command_words(command: Wire) -> str:
    """Return the use of a slash command as it would be typed."""
    return " ".join([f"/{command['name']}", *_options(command.get("options") or ())])


def _options(options: Any) -> list[str]:
    words: list[str] = []
    for one in options:
        if "value" in one:
            value = one["value"]
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            words.append(f"{one['name']}: {shown}")
        else:  # a command below the command
            words += [str(one["name"]), *_options(one.get("options") or ())]
    return words
