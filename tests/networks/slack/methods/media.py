"""Files of the bot: a place for the bytes, the bytes, and the message."""

from __future__ import annotations

import asyncio
from functools import partial

from networks import forms
from networks.forms import Upload
from networks.slack import text as texts
from networks.slack.calls import Call
from networks.slack.chats import Channel, Wire
from networks.slack.errors import ApiError
from networks.slack.files import StoredFile
from networks.slack.methods.sending import check_open, post, thread_of
from networks.slack.world import World
from networks.web import Request, Response

ALT_CHARS = 1_000
SNIPPET_BYTES = 1024 * 1024
FILES = 10
"""What one message takes."""


def get_upload_url(world: World, call: Call) -> Wire:
    """Make a place for a file's bytes."""
    name, length = call.text("filename"), call.integer("length", 0)
    if not name or length <= 0:
        raise ApiError("invalid_arguments", "[ERROR] filename and length are required")
    if len(call.text("alt_txt")) > ALT_CHARS:
        raise ApiError("alt_txt_too_large")
    if call.text("snippet_type") and length > SNIPPET_BYTES:
        raise ApiError("snippet_too_large")
    stored = world.files.add(name, None, world.bot.id, size=length, is_complete=False)
    return {"upload_url": world.files.upload_url(stored), "file_id": stored.id}


def receive(world: World, request: Request) -> Response:
    """Take a file's bytes, raw or in a form."""
    stored = world.files.awaited(request.path)
    if stored is None or stored.content is not None:
        return Response(404, b"not found", "text/plain")
    content = request.body
    if request.headers.get("content-type", "").startswith("multipart/"):
        uploads: list[Upload] = [*forms.parse(request).files.values()]
        content = uploads[0].content if uploads else b""
    if len(content) != stored.size:
        return Response(400, b"the length is another one", "text/plain")
    stored.content = content
    return Response(200, f"OK - {len(content)}".encode(), "text/plain")


def complete_upload(world: World, call: Call) -> Wire:
    """Make files of what was uploaded, and let their message appear a little later."""
    given = call.structure("files", list, "invalid_arguments")
    if not given or len(given) > FILES:
        raise ApiError("invalid_arguments", f"[ERROR] files has to have 1 to {FILES} items")
    stored = [_uploaded(world, one.get("id", "")) for one in given]
    names = [call.text("channel_id"), *call.text("channels").split(",")]
    channels = [world.reach(name) for name in names if name]
    thread_ts = thread_of(call)
    for channel in channels:
        check_open(channel, thread_ts)
    comment = texts.posted(call.text("initial_comment"))
    if len(comment) > world.limits.text_chars:
        raise ApiError("msg_too_long")
    for one, item in zip(stored, given, strict=True):
        one.is_complete = True
        one.title = item.get("title") or one.title
    loop = asyncio.get_running_loop()
    for channel in channels:
        share = partial(_share, world, channel, stored, comment, thread_ts, call)
        world.files.due.append(share)
        loop.call_later(world.files.share_s, world.files.settle, share)
    return {"files": [world.files.wire(one) for one in stored]}


def _uploaded(world: World, file_id: str) -> StoredFile:
    stored = world.files.by_id.get(file_id)
    if stored is None or stored.content is None or stored.is_complete:
        raise ApiError("file_not_found")
    return stored


def _share(
    world: World,
    channel: Channel,
    stored: list[StoredFile],
    comment: str,
    thread_ts: str,
    call: Call,
) -> None:
    """Let a message with files appear."""
    fields = {
        "subtype": "file_share",
        "upload": True,
        **world.laid_out(comment),
        "files": [world.files.wire(one) for one in stored],
    }
    message = post(world, channel, fields, thread_ts, call)
    kind = "public" if channel.kind == "channel" else "private"
    for one in stored:
        place = {"ts": message.ts, **({"thread_ts": thread_ts} if thread_ts else {})}
        one.shares.setdefault(kind, {}).setdefault(channel.id, []).append(place)


def files_info(world: World, call: Call) -> Wire:
    """Tell of a file, and in which messages it stands by now."""
    stored = world.files.by_id.get(call.text("file"))
    if stored is None or not stored.is_complete:
        raise ApiError("file_not_found")
    wire = world.files.wire(stored)
    return {"file": {**wire, "shares": stored.shares}, "comments": []}
