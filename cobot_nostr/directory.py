"""Who people are and where they are reached: profiles and lists of relays, theirs and ours."""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from cobot import Clock, Unreachable
from cobot.kit import Recent
from cobot_nostr.addresses import read_relay
from cobot_nostr.crypto import Signer
from cobot_nostr.events import (
    INBOX_LIST,
    PROFILE,
    RELAY_LIST,
    Draft,
    Event,
    newest,
)
from cobot_nostr.feed import Found
from cobot_nostr.intake import Intake
from cobot_nostr.relays import Relays
from cobot_nostr.tags import short_name

PROFILE_S = 86_400.0
LIST_S = 3600.0
NOTHING_S = 300.0
"""How long a profile, a list, and that there is no profile are believed, in seconds."""

WAIT_S = 3.0
"""How long relays are waited for, in seconds."""

NAME_CHARS = 80
MOST_AT_ONCE = 500
"""How many people are asked for at once."""

MOST_RELAYS = 4
"""How many relays of one list are used."""

ANNOUNCE_AGAIN_S = 60.0
ANNOUNCE_TRIES = 10
"""How often relays are asked what we have published before, and how long apart, in seconds."""

MOST_INBOXES = 3
"""How many inbox relays we announce (NIP-17)."""


@attrs.frozen
class Person:
    """What somebody says of themselves. A claim, never a proof."""

    name: str
    is_bot: bool = False


@attrs.frozen
class Lists:
    """Where somebody is reached."""

    inbox: tuple[str, ...] = ()
    """Where private messages go (kind 10050)."""
    reads: tuple[str, ...] = ()
    """Where they look for what names them (kind 10002)."""
    writes: tuple[str, ...] = ()
    """Where they publish."""
    is_sure: bool = True
    """Whether all who may know more have been heard."""


class Directory:
    """Looks people up on relays and remembers them for a while."""

    def __init__(
        self,
        signer: Signer,
        relays: Relays,
        intake: Intake,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._signer = signer
        self._relays = relays
        self._intake = intake
        self._clock = clock
        self._log = log
        self._people: Recent[str, tuple[Person, float]] = Recent(20_000)
        self._lists: Recent[str, tuple[Lists, float]] = Recent(5_000)

    def person(self, pubkey: str) -> Person:
        """Return what is known of somebody now."""
        known = self._people.get(pubkey)
        return known[0] if known is not None else Person(short_name(pubkey))

    async def learn(self, pubkeys: Collection[str]) -> None:
        """Look up who is not known yet, all at once; what does not come in time is left."""
        now = self._clock.monotonic()
        unknown = [one for one in dict.fromkeys(pubkeys) if not self._is_known(one, now)]
        del unknown[MOST_AT_ONCE:]
        if not unknown:
            return
        asked = {"kinds": [PROFILE], "authors": unknown}
        try:
            found = await self._relays.query(
                [asked], self._intake.verified([asked]), wait_s=WAIT_S
            )
        except Unreachable:
            return
        for pubkey in unknown:
            profile = self._newest(found.events, pubkey, PROFILE)
            person = _person(profile, pubkey) if profile else Person(short_name(pubkey))
            valid_s = PROFILE_S if profile else NOTHING_S
            self._people.put(pubkey, (person, now + valid_s))

    def _is_known(self, pubkey: str, now: float) -> bool:
        known = self._people.get(pubkey)
        return known is not None and known[1] > now

    async def lists(self, pubkey: str) -> Lists:
        """Return where somebody is reached; empty lists where they do not say.

        Raises:
            Unreachable: There is no relay to be asked.
        """
        now = self._clock.monotonic()
        known = self._lists.get(pubkey)
        if known is not None and known[1] > now:
            return known[0]
        asked = {"kinds": [INBOX_LIST, RELAY_LIST], "authors": [pubkey]}
        check = self._intake.verified([asked])
        await self._relays.connected(WAIT_S)
        found = await self._relays.query([asked], check, wait_s=WAIT_S)
        events = [*found.events]
        lists = self._read(events, pubkey)
        if not lists.inbox and lists.writes:
            # Perhaps only where they publish themselves.
            try:
                more = await self._relays.query(
                    [asked], check, wait_s=WAIT_S, urls=lists.writes
                )
                events += more.events
                lists = self._read(events, pubkey)
            except Unreachable:
                pass
        if lists.inbox:  # who has none yet may have one the next time
            self._lists.put(pubkey, (lists, now + LIST_S))
        return attrs.evolve(lists, is_sure=found.is_all)

    def forget(self, pubkey: str) -> None:
        """Look up anew where somebody is reached, when it is needed again."""
        self._lists.pop(pubkey)

    def _read(self, events: Collection[Event], pubkey: str) -> Lists:
        inbox = self._newest(events, pubkey, INBOX_LIST)
        relays = self._newest(events, pubkey, RELAY_LIST)
        named = [tag for tag in relays.tags if tag[:1] == ("r",)] if relays else []
        return Lists(
            inbox=self._usable([*inbox.values("relay")] if inbox else []),
            reads=self._usable([tag[1] for tag in named if tag[2:3] != ("write",)]),
            writes=self._usable([tag[1] for tag in named if tag[2:3] != ("read",)]),
        )

    def _usable(self, urls: Collection[str]) -> tuple[str, ...]:
        read = [url for url in map(read_relay, urls) if url is not None]
        return tuple(self._relays.usable([*dict.fromkeys(read)])[:MOST_RELAYS])

    def _newest(self, events: Collection[Event], pubkey: str, kind: int) -> Event | None:
        meant = [one for one in events if one.pubkey == pubkey and one.kind == kind]
        return newest(meant, self._clock.now().timestamp())

    # Ours.

    async def announce(self, profile: Mapping[str, str]) -> None:
        """Publish who we are and where we are reached, where it is missing or has changed.

        Args:
            profile: Fields of the profile, as the settings have them. Others are left as they
                are.
        """
        published: set[int] = set()
        tries = 0
        while True:
            found = await self._announced()
            if found is not None:
                tries += 1
                is_sure = found.is_all or tries == ANNOUNCE_TRIES
                for draft, old in self._changes(found.events, profile):
                    # A profile that a relay has not shown yet would be lost for good.
                    is_due = draft.kind != PROFILE or is_sure
                    if is_due and draft.kind not in published:
                        published.add(draft.kind)
                        await self._publish(draft, old)
                if is_sure:
                    return
            await self._clock.sleep(ANNOUNCE_AGAIN_S)

    async def _announced(self) -> Found | None:
        """Return what we have published before; None: there is no relay to be asked."""
        me = self._signer.pubkey
        asked = {"kinds": [PROFILE, INBOX_LIST, RELAY_LIST], "authors": [me]}
        await self._relays.connected(WAIT_S, all_of_them=True)
        try:
            return await self._relays.query(
                [asked], self._intake.verified([asked]), wait_s=WAIT_S
            )
        except Unreachable:
            return None

    def _changes(
        self, events: Collection[Event], profile: Mapping[str, str]
    ) -> Iterator[tuple[Draft, Event | None]]:
        """Yield what is missing or has changed, each with its last version."""
        me, ours = self._signer.pubkey, self._relays.ours
        present = self._newest(events, me, PROFILE)
        fields = {**_fields(present), **profile, "bot": True}
        content = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        inbox = tuple(("relay", url) for url in ours[:MOST_INBOXES])
        general = tuple(("r", url) for url in ours[:MOST_RELAYS])
        if present is None or fields != _fields(present):
            yield Draft(kind=PROFILE, content=content), present
        for kind, tags in ((INBOX_LIST, inbox), (RELAY_LIST, general)):
            old = self._newest(events, me, kind)
            if old is None or old.tags != tags:
                yield Draft(kind=kind, tags=tags), old

    async def _publish(self, draft: Draft, old: Event | None) -> None:
        # Later than the last version, whatever the clock says, or relays refuse it.
        now = int(self._clock.now().timestamp())
        event = self._signer.sign(draft, max(now, old.created_at + 1 if old else 0))
        verdicts = await self._relays.publish(event, self._relays.ours, 1)
        if not any(verdict.is_done for verdict in verdicts.values()):
            said = "; ".join(f"{url}: {one.text}" for url, one in verdicts.items())
            self._log.warning("no relay took our kind %d: %s", draft.kind, said)


def _fields(profile: Event | None) -> dict[str, Any]:
    if profile is None:
        return {}
    try:
        read = json.loads(profile.content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _person(profile: Event, pubkey: str) -> Person:
    fields = _fields(profile)
    names = [fields.get("display_name"), fields.get("name")]
    shown = next((_shown(one) for one in names if isinstance(one, str) and _shown(one)), "")
    return Person(shown or short_name(pubkey), fields.get("bot") is True)


def _shown(name: str) -> str:
    # Without what turns writing around or hides itself: a name must not look like another.
    kept = (one for one in name if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co"))
    return "".join(kept).strip()[:NAME_CHARS]
