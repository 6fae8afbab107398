"""What a message says, in words: text without Slack's own signs, and what is no text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from cobot_slack.emoji import emoji_of, with_emoji

Wire: TypeAlias = Mapping[str, Any]
"""An object of the API, as JSON has it."""

Names: TypeAlias = Callable[[str, str], str | None]
"""Gives the name of a person (`@`) or channel (`#`) by its id, if it is known."""

_TOKEN = re.compile(r"<([^<>\n]+)>")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_CHANNEL = re.compile(r"<#(C[A-Z0-9]+)(?:\|[^<>]*)?>")


def words_of(message: Wire, names: Names | None = None, *, bot_id: str = "") -> str:
    """Return what a message says; empty for files without a text.

    Args:
        message: The message.
        names: Names of people and channels.
        bot_id: Whose mention is left out where the text begins with it, if more follows.
    """
    text = without_address(str(message.get("text") or ""), bot_id)
    pieces = [decoded(text, names)]
    attachments = [one for one in message.get("attachments") or () if isinstance(one, Mapping)]
    if not pieces[0]:
        pieces = [*_blocks(message.get("blocks") or (), names)]
        pieces += [_attachment(one, names) for one in attachments]
    else:
        pieces += [_quoted(one, names) for one in attachments if one.get("is_share")]
    return "\n\n".join(filter(None, pieces))


def without_address(text: str, bot_id: str) -> str:
    """Return a text without the mention of the bot that it begins with, if more follows."""
    match = re.match(rf"\s*<@{bot_id}(?:\|[^<>]*)?>[\s,:]*", text) if bot_id else None
    if match is None or not text[match.end() :].strip():
        return text
    return text[match.end() :]


def mentions(text: str) -> set[str]:
    """Return the ids of people that a text mentions."""
    return set(_MENTION.findall(text))


def channels_in(text: str) -> set[str]:
    """Return the ids of channels that a text names."""
    return set(_CHANNEL.findall(text))


def decoded(text: str, names: Names | None = None) -> str:
    """Return a text as people read it."""
    pieces = _TOKEN.split(text)
    pieces[::2] = [with_emoji(_unescaped(one)) for one in pieces[::2]]
    pieces[1::2] = [_unescaped(_token(one, names)) for one in pieces[1::2]]
    return "".join(pieces)


def _unescaped(text: str) -> str:
    # Once each, the ampersand last: "&amp;lt;" says "&lt;".
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _token(token: str, names: Names | None) -> str:
    target, _, label = token.partition("|")
    sign, rest = target[:1], target[1:]
    if sign in ("@", "#"):
        name = None if names is None else names(sign, rest)
        return f"{sign}{name or label.removeprefix(sign) or rest}"
    if sign == "!":
        word = rest.partition("^")[0]
        if word in ("subteam", "date"):
            return label or f"@{word}"
        return f"@{word}"
    return _link(target, label)


def _link(target: str, label: str) -> str:
    address = re.sub(r"^(mailto|tel):", "", target)
    if not label or label in (target, address, re.sub(r"^https?://", "", target)):
        return address
    return f"{label} ({address})"


def _attachment(attachment: Wire, names: Names | None) -> str:
    for field in ("text", "fallback", "title"):
        if attachment.get(field):
            return decoded(str(attachment[field]), names)
    return ""


def _quoted(attachment: Wire, names: Names | None) -> str:
    """Return a message that another one passes on."""
    return "\n".join(f"> {line}" for line in _attachment(attachment, names).splitlines())


def _blocks(blocks: Any, names: Names | None) -> Iterator[str]:
    for block in blocks:
        if block.get("type") == "rich_text":
            yield "\n".join(_rich(one, names) for one in block.get("elements") or ())
            continue
        texts = [block.get("text"), *(block.get("fields") or ()), block.get("title")]
        for text in texts:
            if isinstance(text, Mapping):
                yield decoded(str(text.get("text") or ""), names)
            elif isinstance(text, str):
                yield decoded(text, names)


def _rich(element: Wire, names: Names | None) -> str:
    kind = element.get("type")
    inner = element.get("elements")
    if inner is not None:
        between = "\n" if kind == "rich_text_list" else ""
        return between.join(_rich(one, names) for one in inner)
    match kind:
        case "user":
            return _token(f"@{element['user_id']}", names)
        case "channel":
            return _token(f"#{element['channel_id']}", names)
        case "broadcast":
            return f"@{element['range']}"
        case "emoji":
            return emoji_of(str(element["name"]))
        case "link":
            return _link(str(element["url"]), str(element.get("text") or ""))
    return str(element.get("text") or element.get("fallback") or "")
