from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest
from fakes import START, FakeChannel, ManualClock, incoming, registry, session_of

from cobot import (
    Address,
    Conversation,
    IncomingMessage,
    Media,
    MessageRef,
    OutgoingMessage,
    PluginError,
    Receipt,
    hookimpl,
)
from cobot.config.settings import SessionSettings
from cobot.journal import Entry, Job, Standing
from cobot.messages import Json
from cobot.session.conversation import Turn
from cobot.session.outgoing import Wish

MESSAGE = incoming(channel_type="pigeon", thread_id="thread", key="k")
HERE = Address("pigeon", "chat", "thread")
ELSEWHERE = OutgoingMessage("owl", "tree", "hoo")
PICTURE = Media.from_url("https://pictures.test/1", name="1.png")


class Notes:
    """A journal that knows one conversation and one operation."""

    async def history(
        self, conversation: str, limit: int, *, until: int | None = None
    ) -> Sequence[Entry]:
        """Return the newest of three messages."""
        entries = [
            Entry(role="user", address=HERE, content=content, timestamp=START)
            for content in "abc"
        ]
        return entries[-limit:] if conversation == "talk" else ()

    async def standing(self, channel: str, key: str) -> Standing | None:
        """Return how one operation stands."""
        receipt = Receipt([MessageRef("pigeon", "chat", "1")])
        known = {("pigeon", "done"): receipt, ("pigeon", "waiting"): None}
        if (channel, key) not in known:
            return None
        done = known[channel, key]
        return Standing(key, "done" if done else "waiting", receipt=done)


def turn_of(
    state: Mapping[str, Json] | None = None, message: IncomingMessage = MESSAGE
) -> Turn:
    """Return a turn that answers a message; call it on the loop."""
    journal: Any = Notes()
    nobody: Any = None  # no test here fetches a file
    return Turn(Job(1, 1, (message,), "talk", state=state or {}), message, journal, nobody)


# What an agent knows.


async def test_it_knows_its_key_and_where_the_message_came_from() -> None:
    """The key is the conversation's, the address that of the message alone."""
    turn = turn_of()

    assert (turn.key, turn.address) == ("talk", HERE)


async def test_history_is_loaded_when_it_is_asked_for() -> None:
    """As many messages as are asked for, the newest, oldest first."""
    assert [entry.content for entry in await turn_of().history(2)] == ["b", "c"]
    assert [entry.content for entry in await turn_of().history()] == ["a", "b", "c"]


async def test_a_receipt_is_there_when_the_operation_is_done() -> None:
    """None says that it is not done, or that there is no such operation."""
    turn = turn_of()

    assert await turn.receipt("done") == Receipt([MessageRef("pigeon", "chat", "1")])
    assert await turn.receipt("waiting") is None
    assert await turn.receipt("of somebody else") is None


# What it collects.


async def test_what_is_collected_leaves_in_order_and_with_the_turn() -> None:
    """Every call is noted with what it wants, and returns the id that it will have."""
    turn = turn_of()
    ref = MessageRef("pigeon", "chat", "9")
    picture = attrs.evolve(ELSEWHERE, media=[PICTURE])
    handles = [
        turn.send("text"),
        turn.send(ELSEWHERE),
        turn.edit(ref, "new"),
        turn.delete("an earlier one"),
        turn.react(MESSAGE.ref, "👍"),
        turn.react(MESSAGE.ref, None),
        turn.media(picture),
    ]

    assert [one.wish for one in turn.collected] == [
        Wish(
            kind="send",
            address=HERE,
            message=OutgoingMessage("pigeon", "chat", "text", thread_id="thread"),
        ),
        Wish(kind="send", address=ELSEWHERE.address, message=ELSEWHERE),
        Wish(
            kind="edit",
            address=ref.address,
            message=OutgoingMessage("pigeon", "chat", "new"),
            ref=ref,
        ),
        Wish(kind="delete", address=HERE, target="an earlier one"),
        Wish(kind="react", address=HERE, ref=MESSAGE.ref, emoji="👍"),
        Wish(kind="react", address=HERE, ref=MESSAGE.ref),
        Wish(kind="media", address=ELSEWHERE.address, message=picture),
    ]
    assert [one.id for one in handles] == [one.id for one in turn.collected]
    assert len({one.id for one in handles}) == len(handles)


async def test_the_ids_are_the_same_when_the_turn_runs_again() -> None:
    """What the first run has noted or sent is found again by the second, and by no other."""
    first, second = turn_of(), turn_of()
    other = turn_of(message=attrs.evolve(MESSAGE, key="another"))
    ids = [[turn.send(text).id for text in "abc"] for turn in (first, second, other)]

    assert ids[0] == ids[1]
    assert not {*ids[0]} & {*ids[2]}


async def test_what_was_sent_in_this_turn_is_changed_where_it_goes() -> None:
    """A message to elsewhere is edited, deleted and reacted to there and not here."""
    turn = turn_of()
    id_ = turn.send(ELSEWHERE).id
    turn.edit(id_, "hoo hoo")
    turn.delete(id_)
    turn.react(id_, "🦉")

    assert [one.wish.address for one in turn.collected] == [ELSEWHERE.address] * 4
    assert [one.wish.target for one in turn.collected[1:]] == [id_] * 3


@pytest.mark.parametrize(
    "slip",
    [
        lambda turn: turn.send(None),
        lambda turn: turn.send(7),
        lambda turn: turn.send(MESSAGE),
        lambda turn: turn.edit(turn.send("text"), "the Handle and not its id"),
        lambda turn: turn.delete(MESSAGE),
        lambda turn: turn.react(None, "👍"),
    ],
)
async def test_a_slip_is_an_error_where_it_is_made(slip: Callable[[Turn], object]) -> None:
    """What is no message or no reference is said at the call, and not collected."""
    turn = turn_of()
    with pytest.raises(TypeError, match="expected"):
        slip(turn)
    assert [one for one in turn.collected if one.wish.kind != "send"] == []


async def test_media_without_media_is_an_error_that_says_what_to_call() -> None:
    """Text alone is for `send`."""
    with pytest.raises(ValueError, match=r"no media; conversation\.send sends text"):
        turn_of().media(ELSEWHERE)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Have threads take turns all the time, so that what they get in each other's way shows."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("hasty_threads")
async def test_threads_that_collect_at_once_share_no_id() -> None:
    """Each call from any thread is an operation of its own: the same key would be one."""
    turn = turn_of()
    together = threading.Barrier(8)

    def collect() -> None:
        together.wait()
        for _ in range(300):
            turn.send("text")

    threads = [threading.Thread(target=collect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({one.id for one in turn.collected}) == len(turn.collected) == 2400


# Its notes.


async def test_notes_that_were_not_touched_are_not_stored() -> None:
    """Neither looking at them nor writing what they said already is a change."""
    turn = turn_of({"seen": [1], "name": "Ann"})
    assert turn.changed_state() is None
    assert turn.state["seen"] == [1]
    turn.state["name"] = "Ann"

    assert turn.changed_state() is None


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda state: state.update(new=1), {"flag": 1, "list": [1], "new": 1}),
        (lambda state: state["list"].append(2), {"flag": 1, "list": [1, 2]}),
        (lambda state: state.clear(), {}),
        (lambda state: state.update(flag=True), {"flag": True, "list": [1]}),
        (lambda state: state.update(flag=1.0), {"flag": 1.0, "list": [1]}),
    ],
    ids=["added", "deep inside", "removed", "1 to true", "1 to 1.0"],
)
async def test_notes_that_were_changed_are_stored(
    change: Callable[[Any], object], state: dict[str, Json]
) -> None:
    """Whatever JSON tells apart is a change, however deep inside."""
    turn = turn_of({"flag": 1, "list": [1]})
    change(turn.state)
    changed = turn.changed_state()

    assert changed == state
    assert changed is not None
    assert repr(sorted(changed.items())) == repr(sorted(state.items()))  # 1 and True differ


async def test_notes_are_a_copy_until_the_turn_is_settled() -> None:
    """What a failed run has written is not there when the turn runs again."""
    stored: dict[str, Json] = {"list": [1]}
    first, second = turn_of(stored), turn_of(stored)
    first.state["list"].append(2)
    first.state["new"] = 1

    assert stored == {"list": [1]}
    assert second.state == {"list": [1]}


async def test_notes_are_kept_in_one_place_during_a_turn() -> None:
    """Asking twice gives the same mapping."""
    turn = turn_of()
    turn.state["a"] = 1
    turn.state["b"] = 2

    assert turn.state == {"a": 1, "b": 2}


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (START, r"conversation\.state\.x is datetime"),
        ({1: 2}, r"conversation\.state\.x has the key 1, which is not text"),
        ([0, {"y": float("nan")}], r"conversation\.state\.x\[1\]\.y is nan"),
        ({1, 2}, r"conversation\.state\.x is set"),
        (CIRCLE, "nested deeper than 100 levels"),
        (10**5000, "cannot be stored"),
    ],
    ids=["a time", "a key that is no text", "no number", "a set", "a circle", "a long number"],
)
async def test_notes_that_are_not_json_are_an_error_that_says_where(
    value: object, fault: str
) -> None:
    """It is the agent's own mistake and names the place."""
    turn = turn_of()
    turn.state["x"] = value
    with pytest.raises(PluginError, match=fault):
        turn.changed_state()


# An agent that is a plain def.


async def test_a_plain_def_agent_waits_for_the_loop() -> None:
    """From its thread, anything that can be awaited gives its result, or its error."""
    turn = turn_of()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()
    future.set_result("a future's")

    async def fail() -> None:
        raise KeyError("x")

    def agent() -> list[object]:
        with pytest.raises(KeyError):
            turn.wait(fail())
        return [turn.wait(turn.history(1))[0].content, turn.wait(future)]

    assert await asyncio.to_thread(agent) == ["c", "a future's"]


async def test_waiting_on_the_loop_is_an_error_and_not_a_deadlock() -> None:
    """An agent that is `async def` is told to write `await`."""
    turn = turn_of()
    asked = turn.history()
    with pytest.raises(RuntimeError, match="write await instead"):
        turn.wait(asked)

    assert await asked


async def test_a_thread_with_a_loop_of_its_own_may_wait() -> None:
    """It is the session's loop that would be blocked, and this is another one."""
    turn = turn_of()

    def agent() -> str:
        async def inner() -> str:
            return turn.wait(turn.history(1))[0].content

        return asyncio.run(inner())

    assert await asyncio.to_thread(agent) == "c"


# In a session.


class Blocking:
    """A plain def agent that counts in its notes, fails the first time, and then answers."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.counts: list[int] = []

    @hookimpl
    def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> str:
        count = conversation.state.get("count", 0) + 1
        conversation.state["count"] = count
        self.counts.append(count)
        self.ids.append(conversation.send(f"before {message.content}").id)
        if len(self.counts) == 1:
            raise ZeroDivisionError("the first time")
        heard = conversation.wait(conversation.history())
        return f"{message.content}, {len(heard)} messages"


async def test_a_turn_that_failed_leaves_nothing_behind_and_runs_again_the_same() -> None:
    """Neither its messages nor its notes are kept; the ids of what it sends are the same."""
    clock, channel, agent = ManualClock(), FakeChannel(), Blocking()
    plugins = registry(pigeon=channel, agent=agent)
    settings = SessionSettings(agent_tries=2)
    session = session_of(plugins, clock=clock, settings=settings)
    channel.hand(incoming("one", direct=True), incoming("two", direct=True))
    channel.end()

    async with asyncio.timeout(20):
        run = asyncio.create_task(session.run())
        while not run.done():
            # Until the next try is due, however long its wait is.
            sleeping = asyncio.create_task(clock.next_sleep())
            await asyncio.wait({run, sleeping}, return_when=asyncio.FIRST_COMPLETED)
            if not sleeping.done():
                sleeping.cancel()
                break
            clock.advance(sleeping.result())
        await run

    assert channel.texts == [
        "before one",
        "one, 1 messages",
        "before two",
        "two, 4 messages",
    ]
    assert agent.counts == [1, 1, 2]
    assert agent.ids[0] == agent.ids[1] != agent.ids[2]
