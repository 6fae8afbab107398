"""An agent that shows everything an answer can do. Write `help` to it.

The pictures that it sends are made here, so that it needs no files.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping

from cobot import Conversation, IncomingMessage, Media, OutgoingMessage

Answer = str | OutgoingMessage | None
Show = Callable[[IncomingMessage, Conversation], Awaitable[Answer]]

CODE = "print('hello')"

REPORT = f"""## One of forty

Some **bold**, some *italic*, some ~~struck~~, a [link](https://example.org/) and `code`. 🎉

| city | people | since |
|:-----|-------:|:-----:|
| Ulm | 126,949 | 854 |
| Bern | 134,506 | 1191 |

1. first
   * a point of it 👩‍💻
2. second

> A quotation
> of two lines

```python
{CODE}
```

"""


async def answer(message: IncomingMessage, conversation: Conversation) -> Answer:
    """Answer a message: a word that stands below shows something, all else is repeated."""
    if message.media:
        return await received(message, conversation)
    word = message.content.strip().removeprefix("/").split("@")[0].lower()
    show = SHOWS.get(word)
    return f"You said: {message.content}" if show is None else await show(message, conversation)


async def received(message: IncomingMessage, conversation: Conversation) -> Answer:
    """Say what arrived."""
    lines = []
    for media in message.media:
        path = await conversation.fetch(media)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        lines.append(f"`{media.name}`: {len(content)} bytes, SHA-256 {digest}…")
    return "\n".join(lines)


async def help_(message: IncomingMessage, conversation: Conversation) -> Answer:
    """Say what there is."""
    lines = [f"- `{word}`: {show.__doc__}" for word, show in SHOWS.items()]
    return "\n".join(["**Write one of these:**", "", *lines, "", "Or send me a file."])


async def format_(message: IncomingMessage, conversation: Conversation) -> Answer:
    """Markdown, in the network's own form."""
    return REPORT


async def long(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A text that takes several messages."""
    return REPORT * 40


async def slow(message: IncomingMessage, conversation: Conversation) -> Answer:
    """Typing is shown while an answer takes its time."""
    await asyncio.sleep(3)
    return "That took three seconds."


async def reply(message: IncomingMessage, conversation: Conversation) -> Answer:
    """An answer that points at what you wrote."""
    here = conversation.address
    return OutgoingMessage(
        here.channel_type,
        here.channel_id,
        "I mean this one.",
        reply_to=message.id,
        thread_id=here.thread_id,
    )


async def edit(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A message that changes after it was sent."""
    sent = conversation.send("One moment ...")
    conversation.edit(sent.id, "There it is: **42**")
    return None


async def delete(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A message that goes again."""
    sent = conversation.send("You never saw this.")
    conversation.delete(sent.id)
    return "There was something. It is gone."


async def react(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A reaction to what you wrote."""
    conversation.react(message.ref, "👍")
    return None


async def photo(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A picture with a caption."""
    picture = Media.from_bytes(_png(), name="gradient.png", content_type="image/png")
    return message.reply("A *gradient*", media=[picture])


async def file(message: IncomingMessage, conversation: Conversation) -> Answer:
    """A file."""
    report = Media.from_bytes(REPORT.encode(), name="report.md", content_type="text/markdown")
    return message.reply("The report", media=[report])


async def count(message: IncomingMessage, conversation: Conversation) -> Answer:
    """What I remember of this conversation, also after a restart."""
    asked = int(conversation.state.get("asked", 0)) + 1
    conversation.state["asked"] = asked
    said = len(await conversation.history(1000))
    return f"Asked {asked} times; {said} messages so far."


SHOWS: Mapping[str, Show] = {
    "help": help_,
    "format": format_,
    "long": long,
    "slow": slow,
    "reply": reply,
    "edit": edit,
    "delete": delete,
    "react": react,
    "photo": photo,
    "file": file,
    "count": count,
}


def _png(side: int = 64) -> bytes:
    """Return a square picture in which red grows to the right and blue downwards."""
    rows = b"".join(
        b"\0" + b"".join(bytes((x * 4, 80, y * 4)) for x in range(side)) for y in range(side)
    )

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
