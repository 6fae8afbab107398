"""The Events API: signed posts to an address of the app."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs

from networks import forms
from networks.slack.chats import Wire
from networks.slack.delivery import Delivery, Outbox
from networks.slack.world import World

AT_ONCE = 100
"""Posts that are under way at the same time."""

REDIRECTS = 2
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


@attrs.frozen
class Posted:
    """A post, and how it was answered."""

    headers: dict[str, str]
    """Of the post."""
    body: bytes
    status: int | None
    """Of the answer; None: there was none."""
    answer: bytes = b""
    answer_headers: dict[str, str] = attrs.field(factory=dict)
    """Names in lower case."""
    reason: str = ""
    """Why it failed; empty: it did not."""


class PostFailed(Exception):
    """A post that has no answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a post."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Poster:
    """Posts what the app is to know.

    Args:
        world: What the network knows.
        secret: With which posts are signed.
        url: Where they go.
    """

    def __init__(self, world: World, secret: str, url: str) -> None:
        self.outbox: Outbox | None = None
        self.secret = secret
        self.url = url
        self.age_s = 0.0
        """How old posts claim to be."""
        self.posts: list[Posted] = []
        """Every post that ended, in order."""
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def offer(self, delivery: Delivery) -> None:
        """Post something; what becomes of it is told to the outbox."""
        task = asyncio.get_running_loop().create_task(self._offer(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def verify(self) -> bool:
        """Ask whether the address is the app's, as the network does before it posts there."""
        challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
        body = {"token": "legacy-token", "challenge": challenge, "type": "url_verification"}
        posted = await self.post(json.dumps(body).encode(), "application/json")
        return posted.status == 200 and _challenge_of(posted) == challenge

    async def post(
        self, body: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> Posted:
        """Post a body, signed; return how it was answered."""
        assert self.outbox
        timestamp = str(int(self._world.now() - self.age_s))
        signed = {
            "User-Agent": AGENT,
            "Accept": "*/*",
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
            **(headers or {}),
        }
        try:
            async with asyncio.timeout(self.outbox.timing.ack_s):
                posted = await self._follow(self.url, signed, body)
        except TimeoutError:
            posted = Posted(signed, body, None, reason="http_timeout")
        except PostFailed as failed:
            posted = Posted(signed, body, None, reason=failed.reason)
        self.posts.append(posted)
        self._world.record.changed()
        return posted

    async def close(self) -> None:
        """Give up what is being posted."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _offer(self, delivery: Delivery) -> None:
        assert self.outbox
        body, content_type = _encoded(delivery)
        retry = {}
        if delivery.attempts:
            retry["X-Slack-Retry-Num"] = str(delivery.attempts)
            retry["X-Slack-Retry-Reason"] = delivery.reasons[-1]
        async with self._turns:
            posted = await self.post(body, content_type, retry)
        if posted.reason:
            is_final = posted.answer_headers.get("x-slack-no-retry") == "1"
            self.outbox.failed(delivery, posted.reason, is_final=is_final)
        else:
            self.outbox.acked(delivery, _answer_of(posted))

    async def _follow(self, url: str, headers: dict[str, str], body: bytes) -> Posted:
        for _ in range(REDIRECTS + 1):
            status, answered, answer = await _exchange(url, headers, body)
            if status not in (301, 302, 307, 308) or "location" not in answered:
                reason = "" if 200 <= status < 300 else "http_error"
                return Posted(headers, body, status, answer, answered, reason)
            url = answered["location"]
        raise PostFailed("too_many_redirects")


async def _exchange(
    url: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Post once, over a connection of its own."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError:
        raise PostFailed("connection_failed") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    try:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        answered = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if colon:
                answered[name.strip().lower()] = value.strip()
        return int(head[0].split()[1]), answered, await _body(reader, answered)
    except (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError):
        raise PostFailed("connection_failed") from None
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    whole = await reader.read()  # the connection ends with the answer
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return whole
    content = b""
    while whole:
        line, _, whole = whole.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        content, whole = content + whole[:size], whole[size + 2 :]
    return content


def _encoded(delivery: Delivery) -> tuple[bytes, str]:
    """Return a delivery's body, and the type of it."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), "application/json"
    form: Wire = delivery.payload
    if delivery.kind == "interactive":
        form = {"payload": json.dumps(delivery.payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def _challenge_of(posted: Posted) -> str:
    text = posted.answer.decode(errors="replace").strip()
    kind = forms.content_type(posted.answer_headers.get("content-type", ""))[0]
    if kind == "application/json":
        try:
            return str(json.loads(text).get("challenge"))
        except (ValueError, AttributeError):
            return ""
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text)).get("challenge", "")
    return text


def _answer_of(posted: Posted) -> object:
    """Return what an app said at once to a command or a button; None: nothing."""
    if not posted.answer.strip():
        return None
    try:
        return json.loads(posted.answer)
    except ValueError:
        return {"text": posted.answer.decode(errors="replace")}
