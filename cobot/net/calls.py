"""What is asked of a server, and how what became of it is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import attrs
import httpx

from cobot.errors import ChannelError, DeliveryUnknown, Rejected, Unreachable
from cobot.net.downloads import Memory
from cobot.net.failures import Failure
from cobot.net.timing import TimeLimits
from cobot.net.uploads import UnreadableContent, Upload

SHORTEST_SECRET = 10
"""What is shorter in an address is a word, and no secret."""


@attrs.define(eq=False, repr=False)
class Call:
    """A request, and all that belongs to it."""

    channel_type: str
    """Whose it is, for errors."""
    operation: str
    """What it is for, for errors."""
    request: httpx.Request
    """The request."""
    host: str
    """Whom it asks, as it may be shown."""
    limits: TimeLimits
    """How long it may take."""
    is_repeatable: bool
    """Whether doing it twice is as good as once."""
    redact: Callable[[str], str]
    """Takes known secrets out of a text."""
    sink: Memory | None = None
    """Where the body of an answer with 2xx goes; None: into the answer."""
    upload: Upload | None = None
    """The body, if it is sent piece by piece."""
    on_progress: Callable[[], None] | None = None
    """Called with each piece of the answer."""

    def error(self, failure: Failure) -> ChannelError:
        """Return the error for a request that failed."""
        is_harmless = failure.is_harmless or self.is_repeatable
        # What was not sent to its end was not received, and so not carried out.
        if self.upload is not None and not self.upload.is_complete:
            is_harmless = True
        kind = Unreachable if is_harmless else DeliveryUnknown
        return kind(self.channel_type, self.operation, self.shown(failure.detail))

    def rejected(self, detail: str) -> Rejected:
        """Return the error for a file that cannot be sent or taken."""
        return Rejected(self.channel_type, self.operation, self.shown(detail), field="media")

    def unreadable(self, failure: Exception) -> Exception:
        """Return what becomes of a request whose body could not be read."""
        if not isinstance(failure, OSError | UnreadableContent):
            return failure  # whoever makes the pieces said it himself
        detail = f"what was to be sent cannot be read: {failure}"
        if self.upload is not None and self.upload.is_complete:
            return self.error(Failure(detail))  # and yet all that was announced had been sent
        return self.rejected(detail)

    def shown(self, text: str) -> str:
        """Return a text without secrets, also without those that only this request has."""
        text = self.redact(text)
        for secret in sorted(set(self._secrets()), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> Iterator[str]:
        """Return what of the request could be secret, as a server may quote it."""
        url = self.request.url
        words = [*url.path.split("/"), *url.raw_path.decode("ascii").split("/")]
        words += [*url.params.values(), url.username, url.password]
        words += self.request.headers.get("Authorization", "").split()
        # The longest pieces of each, too: a token is often a part of something.
        words += [piece for word in words for piece in _PIECES.findall(word)]
        for word in words:
            if len(word) >= SHORTEST_SECRET:
                yield word
                yield unquote(word)


_PIECES = re.compile(r"[A-Za-z0-9_-]+")
