"""What a request wants to say, read and checked before anything appears."""

from __future__ import annotations

import re
from typing import Any

import attrs

from networks.discord.calls import Call, wrong_type
from networks.discord.entities import (
    SETTABLE,
    SUPPRESS_EMBEDS,
    VOICE_MESSAGE,
    Attachment,
    Channel,
    Message,
    Wire,
)
from networks.discord.errors import (
    ApiError,
    Problems,
    empty_message,
    invalid,
    too_large,
)
from networks.discord.files import safe_name
from networks.discord.world import World
from networks.forms import Upload

CONTENT_CHARS = 2000
ALT_CHARS = 1024
EMBEDS = 10
EMBED_CHARS = 6000
FIELDS = 25
LIMITS = {"title": 256, "description": 4096}
FILE = re.compile(r"files\[(\d+)\]")


@attrs.define(kw_only=True)
class Draft:
    """What a message is to have."""

    content: str
    embeds: list[Wire]
    components: list[Wire]
    flags: int
    attachments: list[Attachment]
    fields: Wire = attrs.field(factory=dict)

    def check(self) -> None:
        """Refuse a message of which there would be nothing to see.

        Raises:
            ApiError: It is one.
        """
        if self.flags & VOICE_MESSAGE:
            _check_voice(self)
        parts = (
            self.content.strip(),
            self.embeds,
            self.components,
            self.attachments,
            self.fields,
        )
        if not any(parts):
            raise empty_message()


def draft(world: World, call: Call, channel: Channel) -> Draft:
    """Return what a request wants to say.

    Raises:
        ApiError: It cannot be said.
    """
    found = Draft(
        content=content(call) or "",
        embeds=embeds(call),
        components=call.get("components", list, []),
        flags=call.get("flags", int, 0) & SETTABLE,
        attachments=[],
    )
    if stickers := call.get("sticker_ids", list):
        items = [{"id": str(one), "name": "sticker", "format_type": 1} for one in stickers]
        found.fields["sticker_items"] = items
    found.attachments = uploads(world, call, channel)
    found.check()
    return found


def content(call: Call) -> str | None:
    """Return a request's text; None: it has none, or it is null.

    Raises:
        ApiError: It is too long.
    """
    text: str | None = call.get("content", str)
    if text is not None and len(text) > CONTENT_CHARS:
        words = f"Must be {CONTENT_CHARS} or fewer in length."
        raise invalid("content", "BASE_TYPE_MAX_LENGTH", words)
    return text


def embeds(call: Call) -> list[Wire]:
    """Return a request's embeds as messages show them.

    Raises:
        ApiError: They are too many, or too large.
    """
    given: list[Any] = call.get("embeds", list, [])
    problems = Problems()
    if len(given) > EMBEDS:
        problems.add("embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {EMBEDS} or fewer in length.")
    total = 0
    for number, embed in enumerate(given):
        if not isinstance(embed, dict):
            raise wrong_type(f"embeds.{number}", dict)
        for name, text, most in _texts(embed):
            total += len(text)
            if len(text) > most:
                path = f"embeds.{number}.{name}"
                problems.add(
                    path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."
                )
        if len(embed.get("fields") or []) > FIELDS:
            path = f"embeds.{number}.fields"
            problems.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {FIELDS} or fewer in length.")
    if total > EMBED_CHARS:
        words = f"Embed size exceeds maximum size of {EMBED_CHARS}"
        problems.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", words)
    problems.check()
    return [{"type": "rich", **embed} for embed in given]


def _texts(embed: Wire) -> list[tuple[str, str, int]]:
    """Return an embed's texts: where each stands, and how long it may be."""
    found = [(name, embed.get(name) or "", most) for name, most in LIMITS.items()]
    found.append(("footer.text", (embed.get("footer") or {}).get("text") or "", 2048))
    found.append(("author.name", (embed.get("author") or {}).get("name") or "", 256))
    for number, field in enumerate(embed.get("fields") or []):
        found.append((f"fields.{number}.name", field.get("name") or "", 256))
        found.append((f"fields.{number}.value", field.get("value") or "", 1024))
    return found


def uploads(world: World, call: Call, channel: Channel, *, kept: int = 0) -> list[Attachment]:
    """Return the files that a request brings, not stored yet.

    Args:
        world: The network.
        call: The request.
        channel: Where they are to appear.
        kept: How many files the message has that stay.

    Raises:
        ApiError: They are too many or too large, or what is said of them fits none.
    """
    files = {
        match[1]: file for name, file in call.files.items() if (match := FILE.fullmatch(name))
    }
    said = _said_of_files(call)
    limits = world.files.limits
    if len(files) + kept > limits.count:
        words = f"Must be {limits.count} or fewer in length."
        raise invalid("attachments", "BASE_TYPE_MAX_LENGTH", words)
    guild = channel.guild
    most = guild.upload_bytes if guild and guild.upload_bytes else limits.file_bytes
    if any(len(file.content) > most for file in files.values()):
        raise too_large()
    return [
        _attachment(world, channel, file, said.get(key, {}))
        for key, file in sorted(files.items(), key=lambda item: int(item[0]))
    ]


def _said_of_files(call: Call) -> dict[str, Wire]:
    """Return what a request says of files, by their numbers, or ids if they stay."""
    said = {}
    for number, one in enumerate(call.get("attachments", list, [])):
        if not isinstance(one, dict) or "id" not in one:
            path = f"attachments.{number}.id"
            raise invalid(path, "BASE_TYPE_REQUIRED", "This field is required")
        said[str(one["id"])] = one
        if len(one.get("description") or "") > ALT_CHARS:
            words = f"Must be {ALT_CHARS} or fewer in length."
            path = f"attachments.{number}.description"
            raise invalid(path, "BASE_TYPE_MAX_LENGTH", words)
    return said


def _attachment(world: World, channel: Channel, file: Upload, told: Wire) -> Attachment:
    more = ("title", "duration_secs", "waveform")
    return Attachment(
        id=world.next_id(),
        channel_id=channel.id,
        filename=safe_name(told.get("filename") or file.name),
        content=file.content,
        content_type=file.content_type,
        description=told.get("description"),
        size=len(file.content),
        fields={name: told[name] for name in more if name in told},
    )


def _check_voice(found: Draft) -> None:
    if found.content or found.embeds:
        raise ApiError(400, 50159, "Voice messages do not support additional content.")
    files = found.attachments
    if len(files) != 1 or not (files[0].content_type or "").startswith("audio/"):
        raise ApiError(400, 50160, "Voice messages must have a single audio attachment.")
    if not {"duration_secs", "waveform"} <= files[0].fields.keys():
        raise ApiError(400, 50161, "Voice messages must have supporting metadata.")


def apply_edit(world: World, call: Call, message: Message) -> None:
    """Change a message as a request wants; what it does not name stays.

    Raises:
        ApiError: It cannot be so.
    """
    if message.flags & VOICE_MESSAGE:
        raise ApiError(400, 50162, "Voice messages cannot be edited.")
    fields = call.fields
    text = content(call) or "" if "content" in fields else message.content
    shown = embeds(call) if "embeds" in fields else message.embeds
    parts = call.get("components", list, []) if "components" in fields else message.components
    kept = message.attachments
    if "attachments" in fields:
        named = {str(one.get("id")) for one in call.get("attachments", list, [])}
        kept = [one for one in kept if one.id in named]
    added = uploads(world, call, message.channel, kept=len(kept))
    Draft(
        content=text,
        embeds=shown,
        components=parts,
        flags=0,
        attachments=[*kept, *added],
        fields={key: 1 for key in message.fields if key == "sticker_items"},
    ).check()
    message.content, message.embeds, message.components = text, shown, parts
    message.attachments = [*kept, *map(world.files.add, added)]
    apply_flags(call, message)
    message.edited = world.clock.now()


def apply_flags(call: Call, message: Message) -> None:
    """Change the flags of a message that can be changed."""
    if "flags" in call.fields:
        flags = call.get("flags", int, 0) & SUPPRESS_EMBEDS
        message.flags = message.flags & ~SUPPRESS_EMBEDS | flags
