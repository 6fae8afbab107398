"""From what a message says to its parts, each in the form that its network takes."""

from __future__ import annotations

import logging
import sys

import attrs

from cobot.errors import HookFailed, PluginError, shown
from cobot.limits import Limits
from cobot.messages import Media, OutgoingMessage, find_not_json
from cobot.plugins import Plugins
from cobot.plugins.threads import ThreadPool
from cobot.session.capabilities import Capabilities
from cobot.text import (
    Document,
    Part,
    Render,
    Rendered,
    Span,
    is_plain,
    parse,
    parts,
    plain_text,
)

log = logging.getLogger(__name__)

LONG = 2000
"""Characters from which a text is parsed and split in a thread: some milliseconds of work."""


class Rendering:
    """Renders and splits what goes out. Nothing is ever cut short."""

    def __init__(self, plugins: Plugins, capabilities: Capabilities) -> None:
        self._plugins = plugins
        self._capabilities = capabilities
        self._threads = ThreadPool("text", 1)

    async def parts(self, message: OutgoingMessage) -> list[OutgoingMessage]:
        """Return the messages that say what one says, each within the channel's limits.

        Their `content` is plain text, and `rendered` the channel's form where that is more.
        Media and reply stay with the first; where the channel takes no media, they become
        links.
        """
        channel = message.channel_type
        limits = await self._capabilities.limits(channel, message.channel_id)
        links: tuple[Media, ...] = ()
        if message.media and not self._capabilities.has(channel, "media"):
            # Now and not when it is sent, so that each part is an operation of its own.
            links, message = message.media, attrs.evolve(message, media=())
        if not links and self._passes_as_it_is(message, limits):
            return [message]
        found = await self._found(message, links, limits)
        if len(found) == 1 and found[0] == Part(message.content):
            return [message]
        first, *others = found
        return [
            attrs.evolve(message, content=first.text, rendered=first.json),
            *(
                attrs.evolve(
                    message, content=one.text, rendered=one.json, reply_to=None, media=()
                )
                for one in others
            ),
        ]

    def _passes_as_it_is(self, message: OutgoingMessage, limits: Limits) -> bool:
        """Tell whether a text is certainly its own form, as most are, and fits."""
        callers = self._plugins.routed("session_render", message.channel_type)
        if callers and (len(callers) > 1 or self._renders_plain(message.channel_type)):
            return False
        room = limits.caption if message.media else limits.text
        text = message.content
        return (room is None or limits.length(text) <= room) and is_plain(text)

    def _renders_plain(self, channel: str) -> bool:
        if channel not in self._plugins:
            return True
        return bool(getattr(self._plugins[channel].instance, "renders_plain", True))

    async def as_links(self, message: OutgoingMessage) -> list[OutgoingMessage]:
        """Return the parts of a rendered message with links in place of its media."""
        limits = await self._capabilities.limits(message.channel_type, message.channel_id)
        links, message = message.media, attrs.evolve(message, media=(), format="plain")
        found = await self._found(message, links, limits)
        return [attrs.evolve(message, content=one.text, rendered=one.json) for one in found]

    def plainly(self, message: OutgoingMessage) -> OutgoingMessage:
        """Return a rendered message without any formatting."""
        render = self._render(message.channel_type)
        if render is None:
            return attrs.evolve(message, rendered=None)
        rendered = self._checked(message.channel_type, Document.plain(message.content), render)
        is_itself = rendered == Rendered(message.content)
        return attrs.evolve(message, rendered=None if is_itself else rendered.json)

    def with_line_before(self, line: str, message: OutgoingMessage) -> OutgoingMessage:
        """Return a rendered message with a line of plain text in front."""
        content = line + message.content
        rendered = message.rendered
        if rendered is None:
            return self.plainly(attrs.evolve(message, content=content))
        before = Rendered.of(self.plainly(attrs.evolve(message, content=line)))
        form = Rendered.of(message)
        if form.marks or before.marks:
            # They point into the text, and only the channel knows how.
            return self.plainly(attrs.evolve(message, content=content))
        joined = Rendered(before.text + form.text)
        return attrs.evolve(message, content=content, rendered=joined.json)

    async def close(self, timeout_s: float) -> None:
        """End the thread for long texts."""
        await self._threads.close(timeout_s)

    async def _found(
        self, message: OutgoingMessage, links: tuple[Media, ...], limits: Limits
    ) -> list[Part]:
        render = self._render(message.channel_type)
        if len(message.content) < LONG:
            return self._split(message, links, limits, render)
        found: list[Part] = await self._threads.run(self._split, message, links, limits, render)
        return found

    def _split(
        self,
        message: OutgoingMessage,
        links: tuple[Media, ...],
        limits: Limits,
        render: Render | None,
    ) -> list[Part]:
        is_plain = message.format == "plain"
        source: Document | str = message.content
        first_limit = None
        if message.media:
            first_limit = sys.maxsize if limits.caption is None else limits.caption
        if is_plain and render is None and not links:
            room = limits.text if first_limit is None else first_limit
            if room is None or limits.length(message.content) <= room:
                return [Part(message.content)]
        if is_plain or links:
            document = Document.plain(message.content) if is_plain else parse(message.content)
            lines = [Span(one.url or f"[{one.name}]", link=one.url or "") for one in links]
            source = document.with_lines(*lines)
        try:
            found = parts(source, render, limits.text, limits.unit, first_limit)
            for part in found:
                _check(message.channel_type, part.rendered)
        except PluginError as error:
            log.warning("%s; the message goes out as plain text", error)
            found = parts(source, None, limits.text, limits.unit, first_limit)
        return found

    def _checked(self, channel: str, document: Document, render: Render) -> Rendered:
        try:
            rendered = render(document)
            _check(channel, rendered)
        except PluginError as error:
            log.warning("%s; the message goes out as plain text", error)
            return Rendered(plain_text(document))
        return Rendered(rendered.text, rendered.marks or ())

    def _render(self, channel: str) -> Render | None:
        """Return what makes a channel's form; None if it takes plain text."""
        callers = self._plugins.routed("session_render", channel)
        if not callers:
            return None

        def render(document: Document) -> Rendered:
            for caller in callers:
                rendered = caller.now(channel_type=channel, document=document)
                if isinstance(rendered, Rendered):
                    return rendered
                if rendered is not None:
                    detail = f"expected a Rendered or None, got {shown(rendered)}"
                    raise HookFailed(caller.plugin_name, caller.hook, detail)
            return Rendered(plain_text(document))

        return render


def _check(channel: str, rendered: Rendered | None) -> None:
    """Make sure that a form can be stored.

    Raises:
        PluginError: It cannot.
    """
    marks = () if rendered is None else rendered.marks
    fault = find_not_json(marks, "marks") if marks else None
    if fault:
        raise PluginError(f"channel {channel!r}: session_render made {fault}; only JSON")
