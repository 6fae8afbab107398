"""Addresses, pages, verdicts, tags: what needs no relay."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cobot import (
    ChannelError,
    DeliveryUnknown,
    Forbidden,
    RateLimited,
    Rejected,
    Unreachable,
)
from cobot_nostr.addresses import Chat, may_be_dialled, read_chat, read_relay
from cobot_nostr.compose import Target, cleaned, deletion, public, reaction
from cobot_nostr.crypto import Named, Signer, read_bech32
from cobot_nostr.events import CHAT, COMMENT, NOTE, Draft, Event, Tag
from cobot_nostr.files import media_of
from cobot_nostr.pages import MOST_IDS, Pages
from cobot_nostr.publishing import Quorum, settle
from cobot_nostr.tags import Answered, readable, reply_in, short_name, thread_of
from cobot_nostr.verdicts import LOST, NOT_THERE, Remedy, Verdict, read_verdict

ALICE = Signer.generate()
ID, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64
NPUB = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
NPUB_HEX = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"


# Addresses.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"dm:{NPUB_HEX}", Chat("dm", NPUB_HEX)),
        (NPUB, Chat("dm", NPUB_HEX)),
        (f"dm:{NPUB}", Chat("dm", NPUB_HEX)),
        (f"note:{ID}", Chat("note", ID)),
        ("notes", Chat("notes", "")),
        (f"comment:30023:A:30023:{ID}:x", Chat("comment", f"30023:A:30023:{ID}:x")),
        ("group:Groups.Example'pizza", Chat("group", "pizza", "wss://groups.example")),
        ("group:ws://127.0.0.1:7'x", Chat("group", "x", "ws://127.0.0.1:7")),
    ],
)
def test_chat_is_taken_apart(text: str, expected: Chat) -> None:
    """Each form of a chat's id is understood, and written in one way."""
    assert read_chat(text) == expected
    assert read_chat(expected.id) == expected


@pytest.mark.parametrize(
    "text", ["", "dm:", "dm:abc", f"dm:{'f' * 64}", "group:x", "comment:1", "hello", ID]
)
def test_what_is_no_chat_is_refused(text: str) -> None:
    """The error says what a chat looks like."""
    with pytest.raises(ValueError, match="expected a chat as dm:PUBKEY"):
        read_chat(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wss://Relay.Example/", "wss://relay.example"),
        ("wss://relay.example:443/x/", "wss://relay.example/x"),
        ("ws://relay.example:8080", "ws://relay.example:8080"),
        ("wss://[2001:DB8::1]:7", "wss://[2001:db8::1]:7"),
        ("https://relay.example", None),
        ("wss://user:pass@relay.example", None),
        ("wss://relay.example:port", None),
        ("wss://", None),
        (f"wss://{'x' * 600}.example", None),
        ("wss://rel\u0430y.example", None),
    ],
)
def test_relay_has_one_address(text: str, expected: str | None) -> None:
    """Spellings of one address are the same relay, and what is none is left out."""
    assert read_relay(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://relay.example", True),
        ("ws://relay.example", False),
        ("wss://127.0.0.1", False),
        ("wss://10.0.0.1:7000", False),
        ("wss://[::1]", False),
        ("wss://localhost", False),
        ("wss://printer", False),
        ("ws://127.0.0.1:9", True),
    ],
)
def test_strangers_list_leads_only_to_the_public(url: str, expected: bool) -> None:
    """Over TLS, to no private network, unless it is one of ours."""
    assert may_be_dialled(url, {"ws://127.0.0.1:9"}, private=False) is expected
    assert may_be_dialled(url, {}, private=True)


# Pages.


def _page(pages: Pages, times: Sequence[int], ids: Sequence[str] = ()) -> Sequence[object]:
    for number, time in enumerate(times):
        id_ = ids[number] if ids else f"{time}-{number}"
        pages.count({"created_at": time, "id": id_})
    filters = pages.following()
    return [one["until"] for one in filters] if filters else []


def test_pages_go_back_until_nothing_comes() -> None:
    """Each page ends where the last one began; an empty one is the end."""
    pages = Pages([{"since": 10}], 500)

    assert _page(pages, [50, 40, 30], ["a", "b", "c"]) == [30]
    assert _page(pages, [30, 20], ["c", "d"]) == [20]
    assert _page(pages, [20], ["d"]) == [19]
    assert _page(pages, []) == []


def test_second_that_is_given_again_and_again_is_left() -> None:
    """Several events of one second are news once, however often they come."""
    pages = Pages([{}], 500)

    assert _page(pages, [50, 50, 50], ["a", "b", "c"]) == [50]
    assert _page(pages, [50, 50, 50], ["c", "b", "a"]) == [49]
    assert _page(pages, [50, 50, 50], ["b", "a", "c"]) == []


def test_pages_end_where_they_were_to() -> None:
    """Nothing before the filter's own beginning is asked for."""
    assert _page(Pages([{"since": 31}], 500), [30]) == []


def test_relay_that_repeats_itself_is_left() -> None:
    """Two pages with nothing new are enough."""
    pages = Pages([{}], 500)

    assert _page(pages, [50], ["a"]) == [50]
    assert _page(pages, [50], ["a"]) == [49]
    assert _page(pages, [50], ["a"]) == []


def test_endless_page_fills_no_memory() -> None:
    """Of a relay that makes up ids without end no more are kept than it was asked for."""
    pages = Pages([{}], 500)
    for number in range(MOST_IDS + 1000):
        pages.count({"created_at": 50, "id": f"{number}"})

    assert pages.remembered == MOST_IDS


# Verdicts.


@pytest.mark.parametrize(
    ("text", "accepted", "remedy"),
    [
        ("", True, Remedy.DONE),
        ("pow: 25", True, Remedy.DONE),
        ("duplicate: have it", False, Remedy.DONE),
        ("auth-required: who?", False, Remedy.AUTH),
        ("rate-limited: slow", False, Remedy.SLOWER),
        ("error: oops", False, Remedy.AGAIN),
        ("oops", False, Remedy.AGAIN),
        ("invalid: bad", False, Remedy.NEVER),
        ("pow: 25 needed", False, Remedy.NEVER),
        ("blocked: you", False, Remedy.FORBIDDEN),
        ("restricted: you", False, Remedy.FORBIDDEN),
        ("mute: nobody", False, Remedy.FORBIDDEN),
        ("replaced: newer", False, Remedy.STALE),
        ("deleted: gone", False, Remedy.STALE),
        (None, False, Remedy.AGAIN),
    ],
)
def test_each_prefix_has_its_remedy(text: object, accepted: bool, remedy: Remedy) -> None:
    """What relays say by the prefix of an answer is understood."""
    assert read_verdict(text, accepted=accepted).remedy is remedy


DONE, NEVER = Verdict(Remedy.DONE), Verdict(Remedy.NEVER, "invalid: no")
SLOWER, BLOCKED = Verdict(Remedy.SLOWER), Verdict(Remedy.FORBIDDEN, "blocked: no")


@pytest.mark.parametrize(
    ("verdicts", "need", "expected"),
    [
        ([DONE, NEVER, BLOCKED], 1, None),
        ([DONE, DONE, NOT_THERE], 2, None),
        ([DONE, NOT_THERE, NOT_THERE], 2, DeliveryUnknown),
        ([NOT_THERE, NOT_THERE], 1, Unreachable),
        ([LOST, NOT_THERE], 1, DeliveryUnknown),
        ([SLOWER, NOT_THERE], 1, RateLimited),
        ([NEVER, NOT_THERE], 1, Unreachable),
        ([NEVER], 1, Rejected),
        ([BLOCKED, NEVER, BLOCKED], 2, Forbidden),
    ],
)
def test_verdicts_become_one_error(
    verdicts: list[Verdict], need: int, expected: type[ChannelError] | None
) -> None:
    """What several relays say together is what the session can do about it."""
    said = {f"wss://{number}": verdict for number, verdict in enumerate(verdicts)}
    quorum = Quorum(urls=tuple(said), need=need)
    raised: type[ChannelError] | None = None
    try:
        settle("nostr", "send", quorum, said)
    except ChannelError as error:
        raised = type(error)

    assert raised is expected


@pytest.mark.parametrize(("count", "need"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_majority_is_more_than_half(count: int, need: int) -> None:
    """Of two relays both, of three two."""
    assert Quorum.most_of(tuple(map(str, range(count)))).need == need


# Threads.


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], None),
        ([("e", ID, "", "root")], Answered(ID, ID)),
        ([("e", ID, "", "root"), ("e", OTHER, "", "reply")], Answered(ID, OTHER)),
        ([("e", OTHER, "", "reply", ALICE.pubkey)], Answered(OTHER, OTHER, ALICE.pubkey)),
        ([("e", ID)], Answered(ID, ID)),
        ([("e", ID), ("e", THIRD), ("e", OTHER)], Answered(ID, OTHER)),
        ([("e", ID, "", "mention")], None),
        ([("q", ID)], None),
        ([("e", "no id", "", "root")], None),
    ],
)
def test_thread_is_read_in_the_new_way_and_the_old(
    tags: list[Tag], expected: Answered | None
) -> None:
    """Markers say what is answered; without them the order does (NIP-10)."""
    assert thread_of(_event(NOTE, tags)) == expected


def test_private_reply_is_the_last_event_that_is_no_mention() -> None:
    """Clients put further events into a private message's tags."""
    tags = [("e", ID), ("e", OTHER, "", "reply"), ("e", THIRD, "", "mention")]

    assert reply_in(_event(14, tags)) == Answered(OTHER, OTHER)


def test_names_stand_where_keys_were() -> None:
    """What clients write as keys people read as names; other references stay."""
    text = f"ask nostr:{NPUB} or {NPUB}, see nostr:note1{'q' * 58}, npub1nonsense"
    shown = readable(text, lambda pubkey: {NPUB_HEX: "bob"}[pubkey])

    assert shown == f"ask @bob or @bob, see nostr:note1{'q' * 58}, npub1nonsense"


def test_bech32_is_read_by_what_it_names() -> None:
    """Profiles and events may come with relays; too long or broken ones name nothing."""
    profile = (
        "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3"
        "k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p"
    )
    pubkey = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"

    assert read_bech32(profile) == Named("pubkey", pubkey)
    assert read_bech32(NPUB) == Named("pubkey", NPUB_HEX)
    for text in (profile[:-1], "nprofile1" + "q" * 6000, ALICE.nsec(), ""):
        assert read_bech32(text) is None


def test_somebody_without_a_name_has_a_short_key() -> None:
    """Both ends of it, so that two are told apart."""
    assert short_name(NPUB_HEX) == "npub10elf…jptg"


# Making.


def test_comment_names_root_and_parent() -> None:
    """NIP-22 wants both, with their kinds."""
    chat = read_chat(f"comment:11:E:{ID}")
    root = Target(id=ID, author=ALICE.pubkey, kind=11)
    parent = Target(id=OTHER, author=NPUB_HEX, kind=COMMENT)
    to_root = public(chat, "x", "me", root=root)
    to_parent = public(chat, "x", "me", root=root, parent=parent)

    assert to_root.tags == (
        ("E", ID, "", ALICE.pubkey),
        ("K", "11"),
        ("P", ALICE.pubkey),
        ("e", ID, "", ALICE.pubkey),
        ("k", "11"),
        ("p", ALICE.pubkey),
    )
    assert to_parent.tags[3:] == (
        ("e", OTHER, "", NPUB_HEX),
        ("k", "1111"),
        ("p", NPUB_HEX),
    )


def test_group_message_without_a_past_is_plain() -> None:
    """What is not known is not made up."""
    chat = Chat("group", "pizza", "wss://groups.example")

    assert public(chat, "hi", "me") == Draft(kind=CHAT, tags=(("h", "pizza"),), content="hi")


def test_who_is_named_in_a_text_is_told() -> None:
    """A key in the text is a tag too, or its owner would not find it; ours is none."""
    draft = public(Chat("notes", ""), f"hi nostr:{NPUB}", ALICE.pubkey)

    assert draft.tags == (("p", NPUB_HEX),)
    assert public(Chat("notes", ""), f"hi nostr:{NPUB}", NPUB_HEX).tags == ()


def test_unknown_target_is_named_by_its_id_alone() -> None:
    """A reaction or deletion says what it knows."""
    assert reaction(Target(id=ID), "+").tags == (("e", ID),)
    assert deletion(Target(id=ID, kind=1)).tags == (("e", ID), ("k", "1"))


def test_control_characters_are_left_out() -> None:
    """Libraries do not agree on the ids of events that have them."""
    assert cleaned("a\0b\x1b[1m\x7f\n\tc\u2028\U0001f99c") == "ab[1m\n\tc\u2028\U0001f99c"


# Files.


@pytest.mark.parametrize("encode", ["hex", "base64"])
def test_private_file_is_read_however_its_key_is_written(encode: str) -> None:
    """Clients write keys in hex, and some in base64."""
    import base64

    key, nonce = bytes(range(32)), bytes(range(16))
    written = [
        one.hex() if encode == "hex" else base64.b64encode(one).decode() for one in (key, nonce)
    ]
    tags = [
        ("file-type", "image/png"),
        ("encryption-algorithm", "aes-gcm"),
        ("decryption-key", written[0]),
        ("decryption-nonce", written[1]),
        ("size", "99"),
    ]
    media = media_of(_event(15, tags, "https://files.example/abc"))

    assert media[0].remote == {
        "url": "https://files.example/abc",
        "key": key.hex(),
        "nonce": nonce.hex(),
    }
    assert (media[0].name, media[0].content_type, media[0].size_bytes) == (
        "abc.png",
        "image/png",
        99,
    )


def test_file_that_cannot_be_opened_is_none() -> None:
    """Without key, nonce or a web address there is nothing to fetch."""
    good = [("decryption-key", "00" * 32), ("decryption-nonce", "00" * 12)]

    assert media_of(_event(15, good[:1], "https://files.example/a")) == []
    assert media_of(_event(15, good, "file:///etc/passwd")) == []
    assert media_of(_event(1, [("imeta", "url file:///etc/passwd", "m text/plain")])) == []
    for impossible in ("https://[", "http://a]b", "https://\u2100.example"):
        assert media_of(_event(15, good, impossible)) == []
        assert media_of(_event(1, [("imeta", f"url {impossible}")])) == []


def _event(kind: int, tags: Sequence[Tag], content: str = "") -> Event:
    return Event(
        id=THIRD,
        pubkey=ALICE.pubkey,
        created_at=1,
        kind=kind,
        tags=tuple(tags),
        content=content,
    )
