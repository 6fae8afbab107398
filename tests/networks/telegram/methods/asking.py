"""Everything that sends nothing: who am I, chats, files, webhooks, answers to buttons."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from networks.telegram.access import reach
from networks.telegram.calls import Call
from networks.telegram.chats import Membership, Wire
from networks.telegram.errors import (
    QUERY_TOO_OLD,
    WEBHOOK_SET,
    bad_request,
    too_many_requests,
)
from networks.telegram.files import identity
from networks.telegram.record import Event
from networks.telegram.updates import DEFAULT
from networks.telegram.world import World

WEBHOOK_PORTS = (443, 80, 88, 8443)
WEBHOOK_PAUSE_S = 1.0
ANSWER_CHARS = 200


@attrs.frozen
class Described:
    """A result that comes with words."""

    result: object
    description: str


def get_me(world: World, call: Call) -> Wire:
    """Tell who the bot is."""
    return {
        **world.bot.wire(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
    }


def get_chat(world: World, call: Call) -> Wire:
    """Tell about a chat."""
    chat = reach(world, call, "read")
    wire = {**chat.wire(), "accent_color_id": 0, "max_reaction_count": 11}
    wire["accepted_gift_types"] = {
        "unlimited_gifts": False,
        "limited_gifts": False,
        "unique_gifts": False,
        "premium_subscription": False,
        "gifts_from_channels": False,
    }
    if chat.available_reactions is not None:
        wire["available_reactions"] = [
            {"type": "emoji", "emoji": emoji} for emoji in sorted(chat.available_reactions)
        ]
    return wire


def get_chat_member(world: World, call: Call) -> Wire:
    """Tell what somebody is in a chat. Others than the bot are plain members."""
    chat = reach(world, call, "read")
    user_id = call.integer("user_id")
    if user_id == world.bot.id:
        return chat.bot.wire(world.bot, chat.kind)
    if user_id not in world.users:
        raise bad_request("user not found")
    return Membership().wire(world.users[user_id], chat.kind)


def get_file(world: World, call: Call) -> Wire:
    """Give a link to a file."""
    stored = world.files.link(call.text("file_id"))
    return {**identity(stored), "file_path": stored.path}


def set_webhook(world: World, call: Call) -> Described:
    """Set or remove the webhook. The network only remembers it: nothing is posted there."""
    url = call.text("url")
    if not url:
        return delete_webhook(world, call)
    now = world.clock.monotonic()
    if world.webhook_set_at is not None and now < world.webhook_set_at + WEBHOOK_PAUSE_S:
        raise too_many_requests(1)
    world.webhook_set_at = now
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in WEBHOOK_PORTS:
        ports = "80, 88, 443 or 8443"
        raise bad_request(f"bad webhook: Webhook can be set up only on ports {ports}")
    secret = call.text("secret_token")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if re.search(r"[^\w-]", secret, re.ASCII):
        raise bad_request("secret token contains unallowed characters")
    world.updates.end_poll(WEBHOOK_SET)
    _take_settings(world, call)
    was_set = world.webhook.get("url") == url
    connections = min(max(call.integer("max_connections", 40), 1), 100)
    world.webhook = {"url": url, "max_connections": connections}
    return Described(True, "Webhook is already set" if was_set else "Webhook was set")


def delete_webhook(world: World, call: Call) -> Described:
    """Remove the webhook."""
    _take_settings(world, call)
    was_set = bool(world.webhook)
    world.webhook = {}
    return Described(True, "Webhook was deleted" if was_set else "Webhook is already deleted")


def _take_settings(world: World, call: Call) -> None:
    if call.flag("drop_pending_updates"):
        world.updates.clear()
    allow_updates(world, call)


def allow_updates(world: World, call: Call) -> None:
    """Take the kinds of updates that a bot wants; what cannot be read changes nothing."""
    try:
        world.updates.allow(call.structure("allowed_updates"))
    except ValueError:
        return


def get_webhook_info(world: World, call: Call) -> Wire:
    """Tell about the webhook, and how many updates wait."""
    info: Wire = {"url": "", **world.webhook, "has_custom_certificate": False}
    info["pending_update_count"] = len(world.updates)
    if world.updates.allowed != DEFAULT:
        info["allowed_updates"] = sorted(world.updates.allowed)
    return info


def answer_callback_query(world: World, call: Call) -> bool:
    """Answer the press of a button."""
    until = world.queries.pop(call.text("callback_query_id"), 0.0)
    if world.now() >= until:
        raise bad_request(QUERY_TOO_OLD)
    if len(call.text("text")) > ANSWER_CHARS:
        raise bad_request("MESSAGE_TOO_LONG")
    world.note(Event("answered", None, detail=call.text("text")))
    return True
