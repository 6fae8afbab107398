"""HTTP for channels: small calls, polls, uploads, downloads.

What is sent and what comes back are httpx's objects; how they travel is the business of the
transport in the slot. It is called directly: httpx's own client would cost more than all the
rest, and writes each address, with its token, to the log.

What goes wrong arrives as an error of ours. `Unreachable`: provably nothing happened, or what
was asked can be repeated without harm. `DeliveryUnknown`: the request may have been read.
A connection that was kept may be closed by the server in the very moment in which we use it
again, and nobody can know whether the request was still read: it is repeated at once if it is
`repeatable`, and otherwise left to the session, as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeAlias
from urllib.parse import urlencode

import attrs
import httpx

from cobot import __version__, encoding
from cobot.errors import Rejected, Unreachable
from cobot.net.answers import Answer
from cobot.net.calls import Call
from cobot.net.downloads import File, Memory
from cobot.net.exchange import Exchanges
from cobot.net.failures import Failure
from cobot.net.fetching import Fetching
from cobot.net.pools import Pools, Purpose, UnusableProxy
from cobot.net.timing import CALL, FETCH, TRANSFER, TimeLimits
from cobot.net.uploads import Upload
from cobot.recent import Recent

ADDRESSES = 1024
"""How many addresses are kept, taken apart and ready for use."""

POLL_GRACE_S = 15.0
"""How much longer than the server was asked to wait a poll may take, in seconds."""


@attrs.frozen(repr=False)
class ReadyHeaders:
    """Headers that many requests have in common, made once by `Http.headers`."""

    plain: httpx.Headers
    """For a request without a body."""
    json: httpx.Headers
    """For a body of JSON."""
    form: httpx.Headers
    """For a body of form fields."""


Headers: TypeAlias = ReadyHeaders | Mapping[str, str] | None


@attrs.define(eq=False, repr=False)
class _Address:
    url: httpx.URL
    host: str
    transports: dict[Purpose, httpx.AsyncBaseTransport] = attrs.field(factory=dict)


class Http:
    """Requests of one channel. Connections are made when they are needed, and kept.

    Only `fetch` follows redirects. Cookies are not kept. Proxies and certificates are those
    of the environment, as httpx's users know it.
    """

    def __init__(
        self,
        channel_type: str,
        *,
        redact: Callable[[str], str] = str,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 256,
        trust_env: bool = True,
    ) -> None:
        """Connect to nothing yet.

        Args:
            channel_type: Whose errors they are: the section's name.
            redact: Takes the secrets out of what goes into errors.
            transport: Does all requests, instead of pooled connections; closed with this.
            connections: How many there may be, for sends, for polls and for downloads each.
            trust_env: Whether `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and so on count.
        """
        self._channel_type = channel_type
        self._redact = redact
        self._transport = transport
        self._pools = Pools(most=connections, trust_env=trust_env)
        self._exchanges = Exchanges()
        self._addresses: Recent[str, _Address] = Recent(ADDRESSES)
        self._usual = self.headers({})

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._exchanges.closed

    def headers(self, headers: Mapping[str, str]) -> ReadyHeaders:
        """Return the usual headers and these: made once, they cost a request nothing."""
        plain = httpx.Headers({"User-Agent": f"cobot/{__version__}"})
        # Answers are small, and what is packed costs more to unpack than it saves.
        plain["Accept-Encoding"] = "identity"
        plain.update(headers)
        json, form = plain.copy(), plain.copy()
        json.setdefault("Content-Type", "application/json")
        form.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return ReadyHeaders(plain, json, form)

    async def call(
        self,
        operation: str,
        url: str,
        json: object = None,
        *,
        form: Mapping[str, str] | None = None,
        method: str | None = None,
        headers: Headers = None,
        limits: TimeLimits = CALL,
        repeatable: bool = False,
        purpose: Purpose = "sends",
    ) -> Answer:
        """Do a small request and return the answer, whatever its status.

        Args:
            operation: What it is for, as errors name it: `send`, `receive`, `edit`.
            url: Where; it may have a token in it. The latest ones are kept ready.
            json: What is sent as JSON; None: nothing.
            form: What is sent as the fields of a form instead.
            method: None: POST with a body, GET without.
            headers: Besides the usual ones. Make those that do not change with `headers`.
            limits: How long it may take.
            repeatable: Whether doing it twice is as good as once.
            purpose: Which connections it takes.

        Raises:
            Unreachable: Nothing happened, or it is repeatable.
            DeliveryUnknown: It may have happened.
            Rejected: There is no JSON for what was to be sent.
        """
        ready = headers if isinstance(headers, ReadyHeaders) else self._ready(headers)
        body: bytes | None = None
        chosen = ready.plain
        if json is not None:
            body, chosen = self._encoded(operation, json), ready.json
        elif form is not None:
            body, chosen = urlencode(form).encode(), ready.form
        address = self._addresses.get(url) or self._address(operation, url)
        verb = method or ("GET" if body is None else "POST")
        request = self._request(verb, address.url, chosen, limits, body)
        call = self._call(operation, request, address.host, limits, repeatable)
        return await self._exchanges.do(call, self._carrier(call, address, purpose))

    async def poll(
        self,
        operation: str,
        url: str,
        json: object = None,
        *,
        wait_s: float,
        form: Mapping[str, str] | None = None,
        method: str | None = None,
        headers: Headers = None,
    ) -> Answer:
        """Ask for what is new, and wait for it: a `call` that takes no send's connection.

        Args:
            operation: This and what is not named here: as `call`.
            url: Where.
            json: What is sent as JSON.
            wait_s: How long the server was asked to wait, in seconds.
            form: What is sent as the fields of a form instead.
            method: The method.
            headers: Besides the usual ones.

        Raises:
            Unreachable: There is no answer. Nothing is lost; ask again.
        """
        return await self.call(
            operation,
            url,
            json,
            form=form,
            method=method,
            headers=headers,
            limits=TimeLimits(total_s=wait_s + POLL_GRACE_S),
            repeatable=True,
            purpose="polls",
        )

    async def upload(
        self,
        operation: str,
        url: str,
        body: Upload,
        *,
        method: str = "POST",
        headers: Headers = None,
        limits: TimeLimits = TRANSFER,
    ) -> Answer:
        """Send a body piece by piece and return the answer, whatever its status.

        Args:
            operation: What it is for, as errors name it.
            url: Where.
            body: Made by `multipart` or `raw`, for this request alone.
            method: The method.
            headers: Besides the usual ones.
            limits: How long it may take.

        Raises:
            Unreachable: Not all of it was sent, so nothing happened.
            DeliveryUnknown: It may have happened.
            Rejected: What was to be sent cannot be read.
        """
        address = self._address(operation, url)
        try:
            await body.open()
            chosen = self._ready(headers).plain.copy()
            chosen.update(body.headers)
            if body.length is None:
                chosen["Transfer-Encoding"] = "chunked"
            else:
                chosen["Content-Length"] = str(body.length)
            request = self._request(method, address.url, chosen, limits, body)
            call = self._call(operation, request, address.host, limits, False)
            call.upload = body
            if body.failure is not None:
                raise call.unreadable(body.failure)
            return await self._exchanges.transfer(call, self._carrier(call, address, "sends"))
        finally:
            await body.aclose()

    async def download(
        self,
        operation: str,
        url: str,
        *,
        most_bytes: int,
        path: Path | None = None,
        headers: Headers = None,
        limits: TimeLimits = TRANSFER,
    ) -> Answer:
        """Get a file from the channel's own network. From anywhere else: `fetch`.

        Args:
            operation: What it is for, as errors name it.
            url: Where.
            most_bytes: How large it may be.
            path: Where it is put, once all of it is there; None: into the answer.
            headers: Besides the usual ones.
            limits: How long it may take.

        Returns:
            The answer. Where its status is not 2xx it has what was said instead, and there is
            no file.

        Raises:
            Unreachable: It did not arrive, or cannot be written.
            Rejected: It is too large.
        """
        address = self._address(operation, url)
        call = self._get(operation, address.url, self._ready(headers), limits)
        call.sink = Memory(most_bytes) if path is None else File(path, most_bytes)
        return await self._exchanges.transfer(call, self._carrier(call, address, "downloads"))

    async def fetch(
        self,
        operation: str,
        url: str,
        *,
        most_bytes: int,
        path: Path | None = None,
        allow: Collection[str] = (),
        limits: TimeLimits = FETCH,
    ) -> Answer:
        """Get a file from an address that anybody may have chosen.

        Only over `http` and `https`, and from nowhere but the internet: no private, local or
        reserved address, whatever the name stands for in the moment of connecting, and
        wherever it sends us on to, which it may do a few times. A proxy of the environment
        connects as it thinks right; names are looked up for it, and refused as far as known.

        Args:
            operation: What it is for, as errors name it.
            url: Where.
            most_bytes: How large it may be.
            path: As `download`.
            allow: Networks that are allowed besides, as `192.168.1.0/24`.
            limits: How long it may take, all in all.

        Returns:
            As `download`.

        Raises:
            Unreachable: It did not arrive, or cannot be written.
            Rejected: We do not go there, or it is too large.
        """
        fetching = Fetching(self._exchanges, self._pools, self._transport, allow)
        sink = Memory(most_bytes) if path is None else File(path, most_bytes)
        hop = attrs.evolve(limits, total_s=None)

        def make_call(url: httpx.URL) -> Call:
            call = self._get(operation, url, self._usual, hop)
            call.sink = sink
            return call

        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        with self._exchanges.deadlines.within(limits.total_s):
            return await fetching.get(parsed, make_call)
        detail = f"it did not arrive within {limits.total_s:g} s"
        raise Unreachable(self._channel_type, operation, detail)

    async def aclose(self) -> None:
        """Close all connections. Requests that are under way fail."""
        self._exchanges.close()
        await self._pools.aclose()
        if self._transport is not None:
            await self._transport.aclose()

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _ready(self, headers: Headers) -> ReadyHeaders:
        if isinstance(headers, ReadyHeaders):
            return headers
        return self.headers(headers) if headers else self._usual

    def _encoded(self, operation: str, json: object) -> bytes:
        try:
            return encoding.dumps(json)
        except ValueError as error:
            detail = f"it cannot be written as JSON: {error}"
        raise Rejected(self._channel_type, operation, self._redact(detail))

    def _address(self, operation: str, url: str) -> _Address:
        address = self._addresses.get(url)
        if address is not None:
            return address
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            detail = "what is to be asked is no http or https address"
            raise Unreachable(self._channel_type, operation, detail)
        address = _Address(parsed, _host(parsed))
        self._addresses.put(url, address)
        return address

    def _request(
        self,
        method: str,
        url: httpx.URL,
        headers: httpx.Headers,
        limits: TimeLimits,
        body: bytes | Upload | None,
    ) -> httpx.Request:
        # A stream and not content, for which httpx would look up which headers to add.
        stream = body if isinstance(body, Upload) else httpx.ByteStream(body or b"")
        request = httpx.Request(
            method, url, headers=headers, stream=stream, extensions=limits.extensions
        )
        if self._transport is not None:
            # Ours finds these by itself, for less.
            request.headers["Host"] = url.netloc.decode("ascii")
            if isinstance(body, bytes):
                request.headers["Content-Length"] = str(len(body))
        return request

    def _call(
        self,
        operation: str,
        request: httpx.Request,
        host: str,
        limits: TimeLimits,
        is_repeatable: bool,
    ) -> Call:
        return Call(
            self._channel_type, operation, request, host, limits, is_repeatable, self._redact
        )

    def _get(
        self, operation: str, url: httpx.URL, headers: ReadyHeaders, limits: TimeLimits
    ) -> Call:
        request = self._request("GET", url, headers.plain, limits, None)
        return self._call(operation, request, _host(url), limits, True)

    def _carrier(
        self, call: Call, address: _Address, purpose: Purpose
    ) -> httpx.AsyncBaseTransport:
        if self._transport is not None:
            return self._transport
        transport = address.transports.get(purpose)
        if transport is None:
            try:
                transport = self._pools.transport(purpose, address.url)
            except UnusableProxy as error:
                raise call.error(Failure(str(error), is_harmless=True)) from error
            address.transports[purpose] = transport
        return transport


def _host(url: httpx.URL) -> str:
    return url.host if url.port is None else f"{url.host}:{url.port}"
