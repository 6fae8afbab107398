"""Sending text, and what is shown while it is written."""

from __future__ import annotations

from typing import Any

from networks.telegram import markup
from networks.telegram.access import Target, check_open, check_rights, reach, target
from networks.telegram.calls import Call
from networks.telegram.chats import Message, Wire
from networks.telegram.errors import bad_request
from networks.telegram.record import Event
from networks.telegram.text import check_raw, entities_of, fix
from networks.telegram.world import World

TEXT_CHARS = 4096
CAPTION_CHARS = 1024
"""Code points, after the markup is gone. Entities are counted in UTF-16 all the same."""

BUTTON_BYTES = 64

ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "record_audio",
    "upload_audio",
    "upload_document",
    "choose_sticker",
    "pick_up_location",
    "find_location",
    "record_video_note",
    "upload_video_note",
}


def send_message(world: World, call: Call) -> Wire:
    """Send a text."""
    if not call.text("text"):
        raise bad_request("message text is empty")
    raw, entities = parsed(world, call.params, "text", "entities")
    keyboard = reply_markup(call)
    place = target(world, call)
    text, entities = fix(raw, entities, may_be_empty=False)
    if len(text) > TEXT_CHARS:
        raise bad_request("message is too long")
    content: Wire = {"text": text}
    if entities:
        content["entities"] = entities
    if preview := call.parsed("link_preview_options", dict, "link preview options"):
        content["link_preview_options"] = preview
    elif call.flag("disable_web_page_preview"):
        content["link_preview_options"] = {"is_disabled": True}
    check_rights(place.chat, "can_send_messages", "text messages")
    return deliver(world, call, place, {**content, **keyboard}).wire()


def parsed(
    world: World, given: dict[str, Any], text_name: str, entities_name: str
) -> tuple[str, list[Wire]]:
    """Return a text and its entities, from markup or as they are given.

    Args:
        world: Knows who is mentioned.
        given: A call's parameters, or an item of an album.
        text_name: The parameter of the text.
        entities_name: The parameter of its entities.

    Raises:
        ApiError: The markup is wrong, or the text too long to be looked at.
    """
    part = Call(at=0.0, method="", params=given)
    raw = part.text(text_name)
    check_raw(raw)
    mode = part.text("parse_mode")
    if raw and mode and mode.lower() != "none":
        raw, entities = markup.parse(raw, mode)
    else:
        try:
            entities = entities_of(part.structure(entities_name))
        except ValueError:
            entities = []  # what is not JSON counts as none
    return raw, [one for one in entities if _is_resolved(world, one)]


def _is_resolved(world: World, entity: Wire) -> bool:
    """Tell whether an entity can be shown; fill in the person whom it mentions."""
    if entity["type"] != "text_mention":
        return True
    user = world.users.get(int(entity.get("user", {}).get("id", 0)))
    if user:
        entity["user"] = user.wire()
    return user is not None


def caption(world: World, given: dict[str, Any]) -> Wire:
    """Return the fields of a message for the caption that a call or an item gives."""
    raw, entities = parsed(world, given, "caption", "caption_entities")
    if not raw:
        return {}
    text, entities = fix(raw, entities, may_be_empty=True)
    if len(text) > CAPTION_CHARS:
        raise bad_request("message caption is too long")
    content: Wire = {"caption": text} if text else {}
    if entities:
        content["caption_entities"] = entities
    return content


def reply_markup(call: Call) -> Wire:
    """Return the field of a message for the keyboard that a call gives.

    Raises:
        ApiError: It is not one.
    """
    keyboard = call.parsed("reply_markup", dict, "reply markup") or {}
    rows = keyboard.get("inline_keyboard")
    if not rows:
        return {}
    for row in rows:
        for button in row:
            data = button.get("callback_data")
            if data is not None and not 0 < len(data.encode()) <= BUTTON_BYTES:
                raise bad_request("BUTTON_DATA_INVALID")
    return {"reply_markup": {"inline_keyboard": rows}}


def deliver(world: World, call: Call, place: Target, content: Wire) -> Message:
    """Let a message appear in its chat.

    Raises:
        ApiError: Too many were sent, or the chat wants none.
    """
    world.rates.take(place.chat)
    check_open(world, place)
    return appear(world, call, place, content)


def appear(world: World, call: Call, place: Target, content: Wire) -> Message:
    """Let a message appear that nothing stands against any more."""
    if call.flag("protect_content"):
        content = {**content, "has_protected_content": True}
    is_post = place.chat.kind == "channel"
    message = world.add_message(
        place.chat,
        {**content, **place.content},
        sender=None if is_post else world.bot,
        sender_chat=place.chat if is_post else None,
        thread_id=place.thread_id,
        reply_to=place.reply_to,
        is_outgoing=True,
    )
    message.request = call
    world.note(Event("sent", place.chat, message))
    return message


def send_chat_action(world: World, call: Call) -> bool:
    """Show that the bot does something; clients do so for five seconds."""
    action = call.text("action")
    if action.lower() not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = reach(world, call, "write")
    if chat.kind == "private":
        check_open(world, Target(chat=chat))
    if chat.kind != "channel":  # there it is taken and shown to nobody
        world.note(Event("action", chat, detail=action))
    return True


def send_message_draft(world: World, call: Call) -> bool:
    """Show a part of a text that is still being written."""
    draft_id = call.integer("draft_id")
    raw, entities = parsed(world, call.params, "text", "entities")
    place = target(world, call)
    if not draft_id:
        raise bad_request("draft identifier must be non-zero")
    if place.chat.kind != "private":
        raise bad_request("chat must be a private chat")
    text, entities = fix(raw, entities, may_be_empty=True)
    if len(text) > TEXT_CHARS:
        raise bad_request("message is too long")
    check_open(world, place)
    detail = {"draft_id": draft_id, "text": text, "entities": entities}
    world.note(Event("draft", place.chat, detail=detail))
    return True
