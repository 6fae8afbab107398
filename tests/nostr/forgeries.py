"""Events that are not what they say: each way in which one can be forged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from cobot_nostr.crypto import Signer
from cobot_nostr.events import CHAT, DIRECT, GIFT_WRAP, NOTE, SEAL, Draft, Event, dumps
from nostr.people import Person

DEPTH = 50_000


@attrs.frozen
class Forger:
    """Makes forgeries that would reach the bot if they were believed."""

    person: Person
    bot: str
    """The bot's public key."""

    def note(self, text: str = "forged", **changes: Any) -> dict[str, Any]:
        """Return a public mention, and what is changed in its JSON afterwards."""
        draft = Draft(kind=NOTE, tags=(("p", self.bot),), content=text)
        return {**self.person.signer.sign(draft, self.person.now).json, **changes}

    def wrap(
        self,
        rumor: Mapping[str, Any] | None = None,
        *,
        seal: Draft | None = None,
        sealed_by: Signer | None = None,
        spoiled: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        to: str | None = None,
        content: str | None = None,
    ) -> dict[str, Any]:
        """Return a wrap around a seal around a rumor, any of which may be wrong."""
        now, bot = self.person.now, to or self.bot
        by = sealed_by or self.person.signer
        inner = dumps(self.rumor() if rumor is None else rumor)
        draft = seal or Draft(kind=SEAL)
        sealed = by.sign(attrs.evolve(draft, content=by.encrypt(self.bot, inner)), now)
        once = Signer.generate()
        wrapped = content or once.encrypt(self.bot, dumps(spoiled(sealed.json)))
        made = once.sign(Draft(kind=GIFT_WRAP, tags=(("p", bot),), content=wrapped), now)
        return made.json

    def rumor(self, **changes: Any) -> dict[str, Any]:
        """Return a rumor, with what is changed in its JSON afterwards."""
        draft = Draft(kind=DIRECT, tags=(("p", self.bot),), content="forged")
        return {**self.person.signer.rumor(draft, self.person.now).json, **changes}

    def later(self, seconds: int) -> dict[str, Any]:
        """Return a mention that is dated ahead."""
        draft = Draft(kind=NOTE, tags=(("p", self.bot),), content="forged")
        return self.person.signer.sign(draft, self.person.now + seconds).json

    def unasked(self) -> dict[str, Any]:
        """Return a true event that nobody has asked for."""
        return self.person.signer.sign(Draft(kind=NOTE), self.person.now).json


def _flipped(hex_: str) -> str:
    return hex_[:-1] + ("0" if hex_[-1] != "0" else "1")


def _spoil(
    name: str, value: Callable[[Any], Any]
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda event: {**event, name: value(event[name])}


FORGERIES: Mapping[str, tuple[str, Callable[[Forger], Any]]] = {
    # As public events.
    "bad signature": ("signature", lambda f: _spoil("sig", _flipped)(f.note())),
    "lying id": ("id", lambda f: _spoil("id", _flipped)(f.note())),
    "changed text": ("id", lambda f: f.note(content="changed")),
    "foreign author": ("id", lambda f: f.note(pubkey=Signer.generate().pubkey)),
    "no point of the curve": ("id", lambda f: f.note(pubkey="f" * 64)),
    "future": ("future", lambda f: f.later(3600)),
    "unasked": ("unasked", lambda f: f.unasked()),
    "oversized": ("size", lambda f: f.note(content="x" * 300_000)),
    "surrogate": ("unicode", lambda f: f.note(content="\ud800")),
    "surrogate in a tag": ("unicode", lambda f: f.note(tags=[["p", "\udfff"]])),
    "float time": ("shape", lambda f: _spoil("created_at", float)(f.note())),
    "true as kind": ("shape", lambda f: f.note(kind=True)),
    "huge time": ("shape", lambda f: f.note(created_at=2**70)),
    "negative time": ("shape", lambda f: f.note(created_at=-1)),
    "upper case": ("shape", lambda f: _spoil("id", str.upper)(f.note())),
    "short key": ("shape", lambda f: f.note(pubkey="aa")),
    "tags of numbers": ("shape", lambda f: f.note(tags=[["p", 1]])),
    "no tags": ("shape", lambda f: f.note(tags=None)),
    "tag without a name": ("shape", lambda f: f.note(tags=[[]])),
    "a text": ("shape", lambda f: "event"),
    "nothing": ("shape", lambda f: None),
    # As private messages.
    "wrap of nothing": ("undecryptable", lambda f: f.wrap(content="AAAA")),
    "wrap for another": (
        "unasked",
        lambda f: f.wrap(to=Signer.generate().pubkey),
    ),
    "wrong kind of seal": ("seal", lambda f: f.wrap(seal=Draft(kind=NOTE))),
    "seal with tags": ("seal", lambda f: f.wrap(seal=Draft(kind=SEAL, tags=(("p", f.bot),)))),
    "seal with a bad signature": (
        "signature",
        lambda f: f.wrap(spoiled=_spoil("sig", _flipped)),
    ),
    "seal with a lying id": ("id", lambda f: f.wrap(spoiled=_spoil("id", _flipped))),
    "seal of somebody else": ("author", lambda f: f.wrap(sealed_by=Signer.generate())),
    "rumor with a lying id": ("id", lambda f: f.wrap(f.rumor(id="0" * 64))),
    "rumor of nonsense": ("shape", lambda f: f.wrap({"kind": 14})),
    "rumor with a tag without a name": ("shape", lambda f: f.wrap(f.rumor(tags=[[]]))),
    "private word as a public one": ("kind", lambda f: f.wrap(_public(f))),
    "rumor from the past": ("old", lambda f: f.wrap(_old(f))),
    "rumor to a crowd": ("crowd", lambda f: f.wrap(_crowd(f))),
}
"""What each forgery is, the reason it is refused for, and how it is made."""


def _crowd(forger: Forger) -> dict[str, Any]:
    tags = tuple(("p", f"{number:064x}") for number in range(500))
    draft = Draft(kind=DIRECT, tags=tags, content="forged")
    return forger.person.signer.rumor(draft, forger.person.now).json


def _public(forger: Forger) -> dict[str, Any]:
    """Return what would be in a group, if it were not in an envelope."""
    draft = Draft(kind=CHAT, tags=(("h", "pizza"),), content=f"nostr:{forger.bot} hi")
    return forger.person.signer.rumor(draft, forger.person.now).json


def _old(forger: Forger) -> dict[str, Any]:
    draft = Draft(kind=DIRECT, tags=(("p", forger.bot),), content="forged")
    rumor: Event = forger.person.signer.rumor(draft, forger.person.now - 40 * 86_400)
    return rumor.json


FRAMES: Mapping[str, Callable[[Forger], str]] = {
    "deep": lambda f: '["EVENT","mentions",' + "[" * DEPTH + "]" * DEPTH + "]",
    "no JSON": lambda f: '["EVENT","mentions",',
    "NaN": lambda f: '["EVENT","mentions",NaN]',
    "one key twice": lambda f: (
        '["EVENT","mentions",' + json.dumps(f.note()).replace("{", '{"kind":7,', 1) + "]"
    ),
    "no message": lambda f: '{"EVENT":1}',
    "unknown verb": lambda f: '["HELLO","mentions",1,2,3]',
    "too short": lambda f: '["EVENT"]',
    "numbers": lambda f: '["OK",1,2,3]',
    "empty": lambda f: "[]",
}
"""Frames that are no event at all."""
