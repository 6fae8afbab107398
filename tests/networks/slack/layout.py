"""What a message of a program may be laid out of."""

from __future__ import annotations

from typing import Any

from networks.slack import text as texts
from networks.slack.calls import Call
from networks.slack.chats import Wire
from networks.slack.errors import ApiError
from networks.slack.world import Limits, World

BLOCKS = {
    "actions",
    "context",
    "context_actions",
    "divider",
    "file",
    "header",
    "image",
    "input",
    "markdown",
    "rich_text",
    "section",
    "table",
    "video",
}
NAMED = ("username", "icon_emoji", "icon_url")


def content(world: World, call: Call) -> Wire:
    """Return the fields of the message that a call describes.

    Raises:
        ApiError: It describes none, or one that is too large.
    """
    markdown = call.text("markdown_text")
    blocks = call.structure("blocks", list, "invalid_blocks_format")
    attachments = call.structure("attachments", list, "invalid_attachments")
    if markdown and (call.text("text") or blocks):
        raise ApiError("markdown_text_conflict")
    if not (markdown or call.text("text").strip() or blocks or attachments):
        raise ApiError("no_text")
    fields: Wire = {}
    if markdown:
        if len(markdown) > world.limits.markdown_chars:
            raise ApiError("msg_too_long")
        fields = {"text": markdown, "blocks": [{"type": "markdown", "text": markdown}]}
    else:
        fields = world.laid_out(texts.posted(call.text("text")))
    if blocks:
        check_blocks(blocks, world.limits)
        fields["blocks"] = [{"block_id": world.next_id("b"), **block} for block in blocks]
    if attachments:
        if len(attachments) > world.limits.attachments:
            raise ApiError("too_many_attachments")
        fields["attachments"] = attachments
    if call.params.get("mrkdwn") is not None:
        fields["mrkdwn"] = call.flag("mrkdwn")
    return fields | metadata(call) | _named(world, call)


def metadata(call: Call) -> Wire:
    """Return the field of a message for the metadata of a call, if it has some.

    Raises:
        ApiError: They are not what metadata have to be.
    """
    given = call.structure("metadata", dict, "invalid_metadata_format")
    if given is None:
        return {}
    is_named = isinstance(given.get("event_type"), str) and given["event_type"]
    if not is_named or not isinstance(given.get("event_payload"), dict):
        raise ApiError("invalid_metadata_format")
    return {"metadata": {key: given[key] for key in ("event_type", "event_payload")}}


def _named(world: World, call: Call) -> Wire:
    """Return the fields of a message that is not to look like its sender."""
    given = {name: call.text(name) for name in NAMED if call.text(name)}
    if given:
        world.need("chat:write.customize")
    icons = {name.removeprefix("icon_"): given.pop(name) for name in NAMED[1:] if name in given}
    return given | ({"icons": icons} if icons else {})


def check_blocks(blocks: list[Any], limits: Limits) -> None:
    """Check blocks.

    Raises:
        ApiError: The network would not take them.
    """
    if len(blocks) > limits.blocks:
        raise _invalid(f"no more than {limits.blocks} items allowed [json-pointer:/blocks]")
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or block.get("type") not in BLOCKS:
            raise _invalid(f"unsupported type [json-pointer:/blocks/{number}/type]")
        _check_block(block, f"/blocks/{number}", limits)
    if sum(_chars(block) for block in blocks) > limits.blocks_chars:
        raise ApiError("msg_blocks_too_long")
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > limits.markdown_chars:
        raise _invalid("markdown text is too long [json-pointer:/blocks]")


def _check_block(block: Wire, pointer: str, limits: Limits) -> None:
    kind = block["type"]
    if kind == "section":
        if not block.get("text") and not block.get("fields"):
            raise _invalid(f"missing required field: text [json-pointer:{pointer}]")
        if block.get("text"):
            _check_text(block["text"], limits.section_chars, f"{pointer}/text")
        fields = block.get("fields") or []
        if len(fields) > limits.fields:
            raise _invalid(f"too many items [json-pointer:{pointer}/fields]")
        for field in fields:
            _check_text(field, limits.field_chars, f"{pointer}/fields")
    elif kind == "header":
        _check_text(block.get("text"), limits.header_chars, f"{pointer}/text")
    elif kind == "markdown" and not isinstance(block.get("text"), str):
        raise _invalid(f"missing required field: text [json-pointer:{pointer}]")


def _check_text(value: Any, most: int, pointer: str) -> None:
    if not isinstance(value, dict) or value.get("type") not in ("mrkdwn", "plain_text"):
        raise _invalid(f"must be a text object [json-pointer:{pointer}]")
    if not 0 < len(str(value.get("text") or "")) <= most:
        raise _invalid(f"must be 1 to {most} characters [json-pointer:{pointer}/text]")


def _invalid(message: str) -> ApiError:
    return ApiError("invalid_blocks", f"[ERROR] {message}")


def _chars(value: Any) -> int:
    """Return how many characters of text there are in a structure."""
    if isinstance(value, list):
        return sum(map(_chars, value))
    if isinstance(value, dict):
        return sum(
            len(one) if key == "text" and isinstance(one, str) else _chars(one)
            for key, one in value.items()
        )
    return 0
