"""Public notes, comments, chats and groups; reactions to them, and deletions."""

from __future__ import annotations

from typing import Any

import pytest

from cobot import MessageDeleted, MessageRef, OutgoingMessage, ReactionChanged, Unsupported
from cobot.testing import Running
from cobot_nostr.crypto import Signer
from cobot_nostr.events import (
    CHANNEL_MESSAGE,
    CHAT,
    COMMENT,
    DELETION,
    EDIT,
    NOTE,
    PROFILE,
    REACTION,
    Draft,
    Event,
)
from nostr.conftest import Bot
from nostr.meddling import Meddler
from nostr.people import Person


def _note(key: Signer, text: str, *tags: tuple[str, ...]) -> Draft:
    return Draft(kind=NOTE, tags=(("p", key.pubkey), *tags), content=text)


async def _watched(person: Person, key: Signer) -> None:
    await person.watch({"authors": [key.pubkey]})


async def test_mention_is_answered_in_its_thread(bot: Bot, person: Person, key: Signer) -> None:
    """A note that names us begins a thread, and our answer points at it (NIP-10)."""
    await _watched(person, key)
    async with bot() as running:
        note = await person.say(_note(key, f"hey nostr:{key.npub}, what time is it?"))
        message = await running.until(lambda: running.asked, "it comes", "")
        await running.send(message[0].reply("noon"))
        answer = await person.event(content="noon")

        assert message[0].channel_id == f"note:{note.id}"
        assert message[0].mentioned
        assert (answer.kind, answer.value("p")) == (NOTE, person.id)
        assert [tag for tag in answer.tags if tag[0] == "e"] == [
            ("e", note.id, running.channel.settings.relays[0], "root", person.id)
        ]


async def test_reply_to_us_is_a_mention_and_a_bystander_s_tag_is_not(
    bot: Bot, person: Person, key: Signer
) -> None:
    """Who answers us means us; who is only copied into a thread's tags does not."""
    await _watched(person, key)
    async with bot(access={"groups": "open", "mention": False}) as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "good morning"))
        ours = receipt.refs[0].id
        reply = await person.say(_note(key, "morning!", ("e", ours, "", "root")))
        first = await running.question("morning!")
        await person.say(
            _note(key, "you two", ("e", ours, "", "root"), ("e", reply.id, "", "reply"))
        )
        second = await running.question("you two")
        await running.send(second.reply("three!"))
        answer = await person.event(content="three!")

        assert first.mentioned
        assert not second.mentioned
        assert first.channel_id == second.channel_id == f"note:{ours}"
        assert [(tag[1], tag[3]) for tag in answer.tags if tag[0] == "e"] == [
            (ours, "root"),
            (second.id, "reply"),
        ]


async def test_reply_to_us_is_known_after_a_restart(
    bot: Bot, person: Person, key: Signer
) -> None:
    """That a note is ours is looked up where nobody remembers it."""
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "good evening"))
    async with bot() as running:
        await person.say(_note(key, "evening!", ("e", receipt.refs[0].id, "", "root")))

        assert (await running.question("evening!")).mentioned


async def test_answer_goes_also_to_where_it_is_looked_for(
    bot: Bot, person: Person, key: Signer, between: Meddler
) -> None:
    """People read what names them on relays of their own choice (NIP-65)."""
    await person.say(Draft(kind=10002, tags=(("r", between.url, "read"),)))
    async with bot() as running:
        await person.say(_note(key, f"nostr:{key.npub}?"))
        message = (await running.until(lambda: running.asked, "it comes", ""))[0]
        receipt = await running.send(message.reply("here"))

        def is_there() -> bool:
            sent = [one[1]["id"] for one in between.asked if one[0] == "EVENT"]
            return receipt.refs[0].id in sent

        await running.until(is_there, "it is sent there too", "")


async def test_comment_is_answered_with_a_comment(
    bot: Bot, person: Person, key: Signer
) -> None:
    """What is said to something that is no note is answered by NIP-22."""
    await _watched(person, key)
    root = f"30023:{person.id}:essay"
    tags = (("A", root), ("K", "30023"), ("P", person.id), ("a", root), ("k", "30023"))
    async with bot() as running:
        comment = await person.say(
            Draft(kind=COMMENT, tags=(*tags, ("p", key.pubkey)), content=f"nostr:{key.npub}?")
        )
        message = (await running.until(lambda: running.asked, "it comes", ""))[0]
        await running.send(message.reply("indeed"))
        answer = await person.event(content="indeed")

        assert message.channel_id == f"comment:30023:A:{root}"
        assert answer.kind == COMMENT
        assert (answer.value("A"), answer.value("K")) == (root, "30023")
        assert (answer.value("e"), answer.value("k")) == (comment.id, "1111")


async def test_public_chat_of_the_settings_is_read_and_answered(
    bot: Bot, person: Person, key: Signer
) -> None:
    """In a chat of NIP-28 that is listed all is heard, and we answer there."""
    await _watched(person, key)
    created = await person.say(Draft(kind=40, content='{"name":"plaza"}'))
    async with bot(groups=[{"id": f"chan:{created.id}"}]) as running:
        said = await person.say(
            Draft(
                kind=CHANNEL_MESSAGE,
                tags=(("e", created.id, "", "root"),),
                content=f"is nostr:{key.npub} here?",
            )
        )
        message = (await running.until(lambda: running.asked, "it comes", ""))[0]
        await running.send(message.reply("it is"))
        answer = await person.event(content="it is")

        assert (message.id, message.listed) == (said.id, True)
        assert [(tag[1], tag[3]) for tag in answer.tags if tag[0] == "e"] == [
            (created.id, "root"),
            (said.id, "reply"),
        ]


async def test_group_is_answered_on_its_relay_alone(
    bot: Bot, person: Person, key: Signer, url: str
) -> None:
    """A group's answers carry its id, quote what they answer, and name what went before."""
    await _watched(person, key)
    async with bot(groups=[{"id": f"group:{url}'pizza"}]) as running:
        ids = []
        for number in range(3):
            text = f"{number} nostr:{key.npub}"
            event = await person.say(Draft(kind=CHAT, tags=(("h", "pizza"),), content=text))
            ids.append(event.id)
        await running.until(lambda: len(running.asked) == 3, "they come", "")
        message = running.asked[-1]
        receipt = await running.send(message.reply("with olives"))
        answer = await person.event(content="with olives")

        assert message.channel_id == f"group:{url}'pizza"
        assert answer.kind == CHAT
        assert answer.value("h") == "pizza"
        assert answer.value("q") == message.id
        previous = next(tag for tag in answer.tags if tag[0] == "previous")
        assert set(previous[1:]) == {id_[:8] for id_ in ids}
        assert receipt.metadata["relays"] == {answer.id: [url]}


async def test_reaction_and_its_withdrawal_arrive(
    bot: Bot, person: Person, key: Signer
) -> None:
    """A reaction to our note says which and whose, and its deletion takes it back."""
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "look"))
        ours = receipt.refs[0].id
        tags = (("e", ours), ("p", key.pubkey), ("k", "1"))
        reaction = await person.say(Draft(kind=REACTION, tags=tags, content="🤙"))
        on = await _event(running, ReactionChanged)
        await person.say(
            Draft(kind=DELETION, tags=(("e", reaction.id), ("p", key.pubkey), ("k", "7")))
        )
        off = await _event(running, ReactionChanged, 1)

        assert (on.ref.id, on.emoji, on.added, on.sender_id) == (ours, "🤙", True, person.id)
        assert (off.ref.id, off.emoji, off.added) == (ours, "🤙", False)


async def test_deletion_counts_only_from_the_author(
    bot: Bot, person: Person, key: Signer, between: Meddler
) -> None:
    """Anybody can ask for anything to be deleted; only who wrote it is heard."""
    async with bot(relays=[between.url]) as running:
        note = await person.say(_note(key, f"nostr:{key.npub} hush"))
        await running.until(lambda: running.asked, "it comes", "")
        foreign = Signer.generate().sign(_deletion(key, note), person.now)
        await between.tell(["EVENT", "deletions", foreign.json])
        await person.whisper(key.pubkey, "after that")
        await running.question("after that")
        assert not _stored(running, MessageDeleted)
        await person.say(_deletion(key, note))
        gone = await _event(running, MessageDeleted)

        assert gone.ref == MessageRef("nostr", f"note:{note.id}", note.id)


async def test_deletion_that_does_not_name_us_is_found(
    bot: Bot, person: Person, key: Signer
) -> None:
    """Few clients name anybody in deletions, so those who wrote lately are listened to."""
    async with bot() as running:
        note = await person.say(_note(key, f"nostr:{key.npub} hush"))
        await running.until(lambda: running.asked, "it comes", "")
        await person.say(Draft(kind=DELETION, tags=(("e", note.id), ("k", "1"))))
        gone = await running.until(
            lambda: _stored(running, MessageDeleted), "it is found", "", pace=200
        )

        assert gone[0].ref.id == note.id


def _deletion(key: Signer, event: Event) -> Draft:
    tags = (("e", event.id), ("p", key.pubkey), ("k", str(event.kind)))
    return Draft(kind=DELETION, tags=tags)


async def test_our_note_is_deleted_and_reacted_to(
    bot: Bot, person: Person, key: Signer
) -> None:
    """Deleting and reacting are events of their own, with what others look for in them."""
    await _watched(person, key)
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "oops"))
        note = await person.say(_note(key, f"nostr:{key.npub} nice"))
        message = (await running.until(lambda: running.asked, "it comes", ""))[0]
        await running.done(running.session.react(message.ref, "🤙"), "react")
        reaction = await person.event(kind=REACTION)
        await running.done(running.session.react(message.ref, None), "react")
        withdrawn = await person.event(kind=DELETION)
        await running.done(running.session.delete(receipt.refs[0]), "delete")
        gone = await person.until(
            lambda: next((one for one in person.events[::-1] if one.kind == DELETION), None)
        )

        assert (reaction.last("e"), reaction.last("p"), reaction.last("k")) == (
            note.id,
            person.id,
            "1",
        )
        assert withdrawn.value("e") == reaction.id
        assert gone.value("e") in (receipt.refs[0].id, reaction.id)


async def test_edit_is_a_new_note_that_says_so(bot: Bot) -> None:
    """No standard knows edits: without the option there is no such hook."""
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "teh"))
        edited = await running.done(running.session.edit(receipt.refs[0], "the"), "edit")

        assert edited.degraded == ("edit->send",)


async def test_edit_of_a_note_is_published_by_option(
    bot: Bot, person: Person, key: Signer
) -> None:
    """With the option notes are edited, and private messages still are not."""
    await _watched(person, key)
    async with bot(edits=True) as running:
        receipt = await running.send(OutgoingMessage("nostr", "notes", "teh"))
        edited = await running.done(running.session.edit(receipt.refs[0], "the"), "edit")
        event = await person.event(kind=EDIT)
        ref = MessageRef("nostr", f"dm:{person.id}", receipt.refs[0].id)
        message = OutgoingMessage("nostr", ref.channel_id, "x")
        with pytest.raises(Unsupported):
            await running.call("session_edit", ref=ref, message=message)

        assert not edited.degraded
        assert (event.value("e"), event.content) == (receipt.refs[0].id, "the")


async def test_who_we_are_is_published_when_it_changes(
    bot: Bot, person: Person, key: Signer, url: str
) -> None:
    """The profile says that we are a bot; lists say where we are; nothing is said twice."""
    await _watched(person, key)
    async with bot(profile={"name": "clock"}):
        await person.event(kind=PROFILE)
        inbox = await person.event(kind=10050)
        general = await person.event(kind=10002)
    async with bot(profile={"name": "clock", "about": "tells the time"}):
        content = '{"name":"clock","bot":true,"about":"tells the time"}'
        await person.event(kind=PROFILE, content=content)

        assert inbox.tags == (("relay", url),)
        assert general.tags == (("r", url),)
        kinds = [event.kind for event in person.events]
        assert (kinds.count(PROFILE), kinds.count(10050), kinds.count(10002)) == (2, 1, 1)


async def test_names_and_bots_are_told(bot: Bot, person: Person, key: Signer) -> None:
    """People are shown by the name in their profile, and who says so is a bot."""
    profile = '{"name":"ali\\u202ece","bot":true}'
    await person.say(Draft(kind=PROFILE, content=profile))
    async with bot(access={"direct": "open", "bots": True}) as running:
        await person.whisper(key.pubkey, "beep")
        message = await running.question("beep")

        assert (message.sender_name, message.sender_is_bot) == ("alice", True)


async def test_status_is_shown_and_cleared(bot: Bot, person: Person, key: Signer) -> None:
    """A status expires by itself, and an empty one takes it away (NIP-38)."""
    await _watched(person, key)
    async with bot() as running:
        await running.done(running.session.presence("away", "lunch"), "presence")
        away = await person.event(kind=30315, content="lunch")
        await running.done(running.session.presence("offline"), "presence")
        gone = await person.event(kind=30315, content="")

        assert away.value("d") == "general"
        assert int(away.value("expiration") or 0) - away.created_at in range(880, 910)
        assert gone.value("expiration") is None


async def test_status_is_renewed_before_it_expires(
    bot: Bot, person: Person, key: Signer
) -> None:
    """As long as the bot is there its status is, too."""
    await _watched(person, key)
    async with bot() as running:
        await running.done(running.session.presence("online", "here"), "presence")

        def shown() -> list[Event]:
            return [event for event in person.events if event.content == "here"]

        await running.until(lambda: len(shown()) == 2, "it is renewed", "", pace=1000)
        expires = int(shown()[0].value("expiration") or 0)

        assert shown()[1].created_at < expires


def _stored(running: Running, kind: type) -> list[Any]:
    return [row.item for row in running.journal.stored if isinstance(row.item, kind)]


async def _event(running: Running, kind: type, number: int = 0) -> Any:
    events = await running.until(lambda: _stored(running, kind)[number:], "it comes", "")
    return events[0]
