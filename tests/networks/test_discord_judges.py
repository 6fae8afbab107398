"""Official clients judge the fake Discord: for them it has to be the real one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from networks.discord import (
    FakeDiscord,
    Fault,
    Hall,
    Room,
    page,
    too_many_requests,
)
from networks.discord.rates import Bucket
from networks.judges import (
    DISCORD_CLIENTS,
    Client,
    Judge,
    Refusal,
    RegistryUnreachable,
    python_of,
)

CONTENT = bytes(range(256)) * 5 + b"\r\n--x\r\n"

pytestmark = pytest.mark.timeout(400)  # seconds; the first test of a client installs it


@pytest.fixture(
    scope="module", params=DISCORD_CLIENTS, ids=[one.name for one in DISCORD_CLIENTS]
)
def running(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """An official client, in an environment of its own."""
    client: Client = request.param
    assert request.config.cache is not None
    try:
        python = python_of(client, request.config.cache.mkdir("judges"))
    except RegistryUnreachable as reason:
        pytest.skip(str(reason))
    judge = Judge(client, python)
    yield judge
    judge.close()


@pytest.fixture
async def network() -> AsyncIterator[FakeDiscord]:
    """A Discord with time as it is: clients compare its dates with their own."""
    async with FakeDiscord() as network:
        yield network


@pytest.fixture
def lab(network: FakeDiscord) -> Hall:
    """A guild."""
    return network.guild("Lab", person=network.user("Ann", username="ann_u"))


@pytest.fixture
def room(lab: Hall) -> Room:
    """Its channel."""
    return lab.channel("general")


@pytest.fixture
async def judge(running: Judge, network: FakeDiscord, room: Room) -> AsyncIterator[Judge]:
    """The client of the network's bot, connected."""
    me = await connect(running, network)
    assert me == network.bot.id
    yield running
    await running.ask("close")


async def connect(judge: Judge, network: FakeDiscord) -> Any:
    """Let the client log in and connect to the gateway."""
    where = {"url": network.url, "gateway": network.gateway_url}
    return await judge.ask("connect", **where, token=network.token)


def upload(content: bytes, name: str = "file.bin") -> dict[str, str]:
    """Return a file that a judge is to upload."""
    return {"upload": base64.b64encode(content).decode(), "name": name}


async def refusal(judge: Judge, command: str, **arguments: Any) -> Refusal:
    """Return how the client reports that a call failed."""
    with pytest.raises(Refusal) as refused:
        await judge.ask(command, **arguments)
    return refused.value


async def test_it_reads_what_people_write(
    judge: Judge, network: FakeDiscord, lab: Hall, room: Room
) -> None:
    """Texts, replies, files, stickers, forwards, webhooks, threads, direct messages."""
    asked = room.text(f"hello {network.bot.mention}")
    room.text("reply", reply_to=asked)
    room.attach(CONTENT, "notes.txt", text="see", description="notes")
    room.speak()
    room.sticker("wave")
    room.forward(asked)
    room.webhook("deployed")
    room.thread("Plans").text("in a thread")
    lab.forum().forum_post("How?", "like this")
    network.dm(lab.person).text("in private")

    told = await judge.ask("wait", kind="message", count=10)

    assert [one["content"] for one in told] == [
        f"hello {network.bot.mention}",
        "reply",
        "see",
        *[""] * 3,
        "deployed",
        "in a thread",
        "like this",
        "in private",
    ]
    assert (told[0]["name"], told[0]["pings"]) == ("Ann", [network.bot.id])
    assert told[1]["reply_to"] == asked.id
    assert told[2]["files"] == [["notes.txt", len(CONTENT), "notes"]]
    assert told[4]["stickers"] == ["wave"]
    assert told[5]["forwarded"] == [asked.content]
    assert told[6]["webhook"] is not None
    assert len(await judge.ask("wait", kind="thread", count=2)) == 2


async def test_it_reads_what_people_change(judge: Judge, lab: Hall, room: Room) -> None:
    """Edits, deletions, reactions, typing."""
    one, two, three = (room.text(text) for text in ("one", "two", "three"))
    party = lab.emoji("party")
    room.edit(one, "ONE")
    room.react(one, "👍")
    room.react(one, party)
    room.unreact(one, "👍")
    room.delete(one)
    room.delete(two, three)
    room.type()

    assert (await judge.ask("wait", kind="edit"))[0]["id"] == one.id
    reacted = await judge.ask("wait", kind="react", count=2)
    assert [event["emoji"] for event in reacted] == ["👍", f"<:party:{party.id}>"]
    assert (await judge.ask("wait", kind="unreact"))[0]["emoji"] == "👍"
    assert (await judge.ask("wait", kind="delete"))[0]["id"] == one.id
    assert (await judge.ask("wait", kind="bulk_delete"))[0]["ids"] == [two.id, three.id]
    assert (await judge.ask("wait", kind="typing"))[0]["user"] == room.person.id


async def test_it_sends(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """Texts and replies, with pings or without; what comes back is what appeared."""
    asked = room.text("hello")
    ann = room.person

    sent = await judge.ask("send", channel=room.id, content=f"{ann.mention} hi 🚀")
    quiet = await judge.ask("send", channel=room.id, content=f"{ann.mention}", quiet=True)
    reply = await judge.ask("send", channel=room.id, content="yes", reply_to=asked.id)

    assert (sent["content"], sent["pings"]) == (f"{ann.mention} hi 🚀", [ann.id])
    assert quiet["pings"] == []
    assert reply["reply_to"] == asked.id
    assert [message.id for message in network.sent] == [sent["id"], quiet["id"], reply["id"]]
    echoes = await judge.ask("wait", kind="message", count=4)
    assert {one["author"] for one in echoes[1:]} == {network.bot.id}


async def test_its_nonce_makes_one_message_of_two(
    judge: Judge, network: FakeDiscord, room: Room
) -> None:
    """It sets the nonce and enforces it."""
    first = await judge.ask("send", channel=room.id, content="once", nonce="n-1")
    again = await judge.ask("send", channel=room.id, content="once", nonce="n-1")

    assert (again["id"], again["nonce"]) == (first["id"], "n-1")
    assert len(network.sent) == 1


async def test_it_changes_what_it_sent(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """Edits, reactions, typing, deletions."""
    sent = await judge.ask("send", channel=room.id, content="old")
    place = {"channel": room.id, "message": sent["id"]}

    edited = await judge.ask("edit", **place, content="new")
    for emoji in ("👍", "❤️"):
        await judge.ask("react", **place, emoji=emoji)
    await judge.ask("unreact", **place, emoji="👍")
    await judge.ask("type", channel=room.id)
    await judge.ask("delete", **place)

    assert (edited["content"], edited["edited"]) == ("new", True)
    assert network.sent[0].reacted(network.bot) == ["❤️"]
    kinds = [event.kind for event in network.events if event.kind != "presence"]
    assert kinds == ["sent", "edited", "reacted", "reacted", "unreacted", "typing", "deleted"]


async def test_it_deletes_many(
    judge: Judge, network: FakeDiscord, lab: Hall, room: Room
) -> None:
    """Together, if it may."""
    lab.grant("MANAGE_MESSAGES")
    messages = [room.text(str(number)).id for number in range(3)]

    await judge.ask("bulk_delete", channel=room.id, messages=messages)

    assert room.messages == []


async def test_its_files_keep_every_byte(
    judge: Judge, network: FakeDiscord, room: Room
) -> None:
    """Up and down."""
    files = [upload(CONTENT, "päper x.bin"), upload(b"2", "two.txt")]
    sent = await judge.ask("send", channel=room.id, content="see", files=files)
    theirs = room.attach(CONTENT, "theirs.bin")

    assert [one[:2] for one in sent["files"]] == [["päper x.bin", len(CONTENT)], ["two.txt", 1]]
    for message in (sent["id"], theirs.id):
        got = await judge.ask("download", channel=room.id, message=message)
        assert base64.b64decode(got) == CONTENT


async def test_it_shows_its_presence(judge: Judge, network: FakeDiscord) -> None:
    """Status and words."""
    await judge.ask("show", status="dnd", text="thinking")

    await network.wait_for(lambda: network.presence.get("status") == "dnd")
    assert network.presence["activities"][0]["state"] == "thinking"


async def test_it_pages_through_history(judge: Judge, room: Room) -> None:
    """More than a page holds, from an id on."""
    texts = [f"message {number}" for number in range(230)]
    messages = [room.text(text) for text in texts]

    assert await judge.ask("history", channel=room.id, after=messages[9].id) == texts[10:]
    assert await judge.ask("history", channel=room.id, before=messages[5].id) == texts[:5]
    assert (await judge.ask("fetch", channel=room.id, message=messages[3].id))["content"] == (
        "message 3"
    )


async def test_it_opens_threads_and_posts(
    judge: Judge, network: FakeDiscord, lab: Hall, room: Room
) -> None:
    """At a message, of its own, in a forum; and writes there."""
    forum = lab.forum("questions")
    message = room.text("about what?")

    at = await judge.ask("thread", channel=room.id, name="At", message=message.id)
    own = await judge.ask("thread", channel=room.id, name="Own")
    post = await judge.ask("post", channel=forum.id, name="Post", content="first")
    await judge.ask("send", channel=own, content="inside")

    assert at == message.id
    assert [sent.channel_id for sent in network.sent] == [post, own]
    assert await judge.ask("channels", guild=lab.id) == ["general", "questions"]


async def test_it_writes_first(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """To somebody who has not written to it."""
    channel = await judge.ask("dm", user=room.person.id)
    await judge.ask("send", channel=channel, content="psst")

    assert [message.content for message in network.dm(room.person).messages] == ["psst"]


async def test_it_answers_a_command(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """It registers it, defers its answer, and gives it."""
    command = await judge.ask("offer", name="ping", answer="pong")

    assert [one["id"] for one in network.commands] == [command]
    room.use("ping")
    await network.wait_for_sent()
    assert network.sent[0].content == "pong"


async def test_it_resumes_after_a_disconnect(
    judge: Judge, network: FakeDiscord, room: Room
) -> None:
    """What was written meanwhile is replayed, and answered in order."""
    await judge.ask("echo")
    room.text("before")
    await network.wait_for_sent(1)
    network.gateway.drop_all()
    for number in range(3):
        room.text(f"meanwhile {number}")

    await judge.ask("wait", kind="resumed")
    await network.wait_for_sent(4)

    assert network.gateway.opened[-1].is_for_resuming
    assert len(network.gateway.identifies) == 1
    texts = sorted(message.content for message in network.sent)
    assert texts == ["before", "meanwhile 0", "meanwhile 1", "meanwhile 2"]


@pytest.mark.parametrize("how", ["reconnect", "invalid"])
async def test_it_comes_back(judge: Judge, network: FakeDiscord, room: Room, how: str) -> None:
    """After op 7 by a resume, after op 9 afresh."""
    gateway = network.gateway
    disturb = {"reconnect": gateway.reconnect, "invalid": gateway.invalidate}
    disturb[how]()

    await network.wait_for(lambda: len(gateway.opened) > 1 and gateway.is_connected, 15)
    room.text("are you there?")

    told = await judge.ask("wait", kind="message")
    assert told[-1]["content"] == "are you there?"


async def test_it_waits_out_a_limit(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """It repeats what was refused when it is told to."""
    network.fail_next("create_message", too_many_requests(0.2))

    await judge.ask("send", channel=room.id, content="patient")

    calls = network.calls("create_message")
    assert [call.status for call in calls] == [429, 200]
    assert calls[1].at - calls[0].at >= 0.2


async def test_it_keeps_to_the_buckets(judge: Judge, network: FakeDiscord, room: Room) -> None:
    """It reads the headers and never has to be refused."""
    network.rates.is_on = True
    network.rates.buckets["create_message"] = Bucket(2, 0.4)

    for number in range(5):
        await judge.ask("send", channel=room.id, content=str(number))

    calls = network.calls("create_message")
    assert {call.status for call in calls} == {200}
    assert calls[-1].at - calls[0].at >= 0.8


async def test_it_tells_refusals_apart(
    judge: Judge, network: FakeDiscord, lab: Hall, room: Room
) -> None:
    """What is not there, what it may not see or do, what is too long or empty."""
    gone = await refusal(judge, "send", channel="42", content="x")
    long = await refusal(judge, "send", channel=room.id, content="x" * 2001)
    none = await refusal(judge, "send", channel=room.id, content=" ")
    missing = await refusal(judge, "edit", channel=room.id, message="42", content="x")
    room.deny("SEND_MESSAGES")
    mute = await refusal(judge, "send", channel=room.id, content="x")
    room.deny("VIEW_CHANNEL")
    hidden = await refusal(judge, "send", channel=room.id, content="x")

    found = [gone, long, none, missing, mute, hidden]
    told = [(one.details["status"], one.details["code"]) for one in found]
    assert told == [
        (404, 10003),
        (400, 50035),
        (400, 50006),
        (404, 10008),
        (403, 50013),
        (403, 50001),
    ]
    assert "2000 or fewer" in long.text


@pytest.mark.parametrize("failure", [page(502), Fault.RESET, Fault.LOST])
async def test_it_survives_a_failing_network(
    judge: Judge, network: FakeDiscord, room: Room, failure: Any
) -> None:
    """It tries again, or the bot does; the nonce keeps that from being two messages."""
    network.fail_next("create_message", failure)

    try:
        await judge.ask("send", channel=room.id, content="x", nonce="n-2")
    except Refusal:  # discord.py leaves a broken connection to the bot
        await judge.ask("send", channel=room.id, content="x", nonce="n-2")

    assert len(network.sent) == 1


async def test_a_wrong_token_is_told(running: Judge, network: FakeDiscord) -> None:
    """At the login."""
    wrong = {"url": network.url, "gateway": network.gateway_url}

    refused = await refusal(running, "connect", **wrong, token=f"{network.token}x")

    assert refused.kind in ("LoginFailure", "UnauthorizedError")
