from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from cobot import AuthFailed, CobotError, MessageRef, OutgoingMessage, Receipt, UnknownChannel
from cobot.journal import Standing
from cobot.ops.client import HungUp, NoAnswer, NobodyThere, ask
from cobot.ops.control import Control
from cobot.ops.socket_path import LINE_MOST_BYTES, NAME, PATH_MOST_BYTES

GUARD_S = 30.0  # no answer takes longer, unless something hangs
AT_ONCE_S = 0.05


@attrs.define(eq=False)
class Sending:
    """A handle whose message is delivered when the test says so."""

    id: str
    outcome: asyncio.Future[Receipt]
    is_stored: asyncio.Event

    async def stored(self) -> None:
        """Wait until the test lets it be."""
        await self.is_stored.wait()

    async def receipt(self) -> Receipt:
        """Wait for what the test decides."""
        return await asyncio.shield(self.outcome)


class FakeSession:
    """A session that notes what is asked of it; it is its own journal."""

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []
        self.keys: list[str | None] = []
        self.outcome: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.asked: asyncio.Queue[OutgoingMessage] = asyncio.Queue()
        self.state: Literal["waiting", "dead"] = "dead"  # of what is not delivered
        self.error: Exception | None = None
        self.told: dict[str, Any] = {"channels": {"pigeon": {}, "raven": {}}}
        self.was_asked = asyncio.Event()
        self.has_chats = True
        self.may_store = asyncio.Event()
        self.may_store.set()

    @property
    def journal(self) -> FakeSession:
        """Where messages are kept."""
        return self

    async def standing(self, channel: str, key: str) -> Standing | None:
        """Return how every message stands."""
        return Standing(key, self.state)

    async def status(self) -> dict[str, Any]:
        """Return something that can be recognised."""
        self.was_asked.set()
        if self.error is not None:
            raise self.error
        return self.told

    def enqueue(self, message: OutgoingMessage, *, key: str | None = None) -> Sending:
        """Note a message."""
        if message.channel_type != "pigeon":
            raise UnknownChannel(message.channel_type, ["pigeon"])
        self.messages.append(message)
        self.keys.append(key)
        self.asked.put_nowait(message)
        return Sending(key or "made-up", self.outcome, self.may_store)

    async def broadcast(
        self, text: str, *, exclude: Collection[str] = (), key: str | None = None
    ) -> Mapping[str, Receipt | CobotError]:
        """Deliver on one channel, and fail on another."""
        outcomes: dict[str, Receipt | CobotError] = {}
        if self.has_chats and "pigeon" not in exclude:
            outcomes["pigeon"] = Receipt([MessageRef("pigeon", "all", text)])
        if self.has_chats and "raven" not in exclude:
            outcomes["raven"] = CobotError(f"key {key}\nis not for ravens")
        return outcomes

    async def pair(self, code: str) -> str:
        """Let somebody in, with one code only."""
        if code != "XY34":
            raise CobotError(f"nobody was given the code {code!r}")
        return "ann may talk now"

    async def retry_dead(self, id: int) -> bool:  # noqa: A002
        """There is one dead letter."""
        return id == 1

    async def drop_dead(self, id: int) -> bool:  # noqa: A002
        """There is one dead letter."""
        return id == 1

    def deliver(self, *ids: str) -> None:
        """Have the message arrive."""
        self.outcome.set_result(Receipt([MessageRef("pigeon", "loft", one) for one in ids]))


@pytest.fixture
async def session() -> FakeSession:
    """A session without a network."""
    return FakeSession()


@pytest.fixture
async def control(tmp_path: Path, session: FakeSession) -> AsyncIterator[Control]:
    """A server in a workspace that is the test's folder."""
    control = Control(tmp_path, session)
    await control.start()
    yield control
    await control.stop()


Ask = Callable[..., Any]


@pytest.fixture
def asked(control: Control, tmp_path: Path) -> Ask:
    """Ask as a command does, in another thread."""

    async def asked(do: str, guard_s: float = GUARD_S, **fields: Any) -> dict[str, Any]:
        return await asyncio.to_thread(ask, tmp_path, {"do": do, **fields}, guard_s)

    return asked


def files_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return [one.name for one in folder.iterdir()]


SEND = {"channel": "pigeon", "chat": "loft", "text": "coo"}


# What can be asked.


async def test_a_message_is_sent_with_all_that_it_was_given(
    asked: Ask, session: FakeSession
) -> None:
    """What a command says of a message arrives at the session, and the ids come back."""
    session.deliver("7", "8")

    response = await asked(
        "send", **SEND, thread="t", reply_to="3", media=["/tmp/a.png"], key="mine"
    )

    (message,) = session.messages
    assert response["ok"]["ids"] == ["7", "8"]
    assert response["ok"]["key"] == session.keys[0] == "mine"
    assert (message.channel_id, message.thread_id, message.reply_to) == ("loft", "t", "3")
    assert [one.path for one in message.media] == [Path("/tmp/a.png")]


async def test_a_message_that_takes_too_long_is_waiting_with_its_key(
    asked: Ask, session: FakeSession
) -> None:
    """The exit code says that it is stored, and the line how to learn more."""
    response = await asked("send", **SEND, timeout_s=0)

    assert response["code"] == 75
    assert response["error"].startswith("stored, and not delivered yet; it stays in line.")
    assert "--key made-up" in response["error"]


async def test_a_message_that_fails_brings_the_reason(asked: Ask, session: FakeSession) -> None:
    """What the network said is what the command gets, on one line."""
    session.outcome.set_exception(CobotError("the loft\nis shut"))

    assert await asked("send", **SEND) == {"error": "the loft; is shut", "code": 1}


async def test_a_message_that_fails_for_now_is_still_waiting(
    asked: Ask, session: FakeSession
) -> None:
    """What waits for a parked channel is not lost, and the reason is told all the same."""
    session.state = "waiting"
    session.outcome.set_exception(AuthFailed("pigeon", "send", "the token is refused"))

    response = await asked("send", **SEND)

    assert response["error"].startswith("pigeon: send: the token is refused; stored, and not")
    assert response["code"] == 75


async def test_an_unknown_channel_is_a_fault_of_the_configuration(asked: Ask) -> None:
    """Nothing is stored for it, and what would have been right is named."""
    response = await asked("send", **{**SEND, "channel": "pigoen"})

    assert response == {"error": "no channel is called 'pigoen'; loaded: pigeon", "code": 78}


async def test_a_broadcast_tells_of_each_channel(asked: Ask) -> None:
    """One that fails hides none that does not."""
    response = await asked("broadcast", text="hear", key="k")

    assert response["ok"]["pigeon"]["ok"]["ids"] == ["hear"]
    assert response["ok"]["raven"] == {"error": "key k; is not for ravens", "code": 1}


async def test_a_broadcast_can_leave_channels_out(asked: Ask) -> None:
    """What is excluded is not in the answer either."""
    assert list((await asked("broadcast", text="x", exclude=["raven"]))["ok"]) == ["pigeon"]


async def test_a_broadcast_refuses_a_misspelt_exclusion(asked: Ask) -> None:
    """Else it would go where it was not to go."""
    response = await asked("broadcast", text="x", exclude=["ravne"])

    assert response["error"] == "no channel is called 'ravne'; loaded: pigeon, raven"
    assert response["code"] == 78


async def test_a_broadcast_that_reaches_nobody_says_what_to_do(
    asked: Ask, session: FakeSession
) -> None:
    """A text that went nowhere was not broadcast."""
    session.has_chats = False

    response = await asked("broadcast", text="x")

    assert "no channel has a chat for broadcasts (asked: pigeon, raven)" in response["error"]
    assert response["code"] == 78


async def test_pairing_says_who_came_in_or_why_nobody_did(asked: Ask) -> None:
    """The session's line, or its error."""
    assert await asked("pair", code="XY34") == {"ok": "ann may talk now"}
    assert (await asked("pair", code="?"))["error"] == "nobody was given the code '?'"


@pytest.mark.parametrize("do", ["retry", "drop"])
async def test_dead_letters_are_there_or_not(asked: Ask, do: str) -> None:
    """The answer tells one that is known from one that is not."""
    assert [(await asked(do, id=number))["ok"] for number in (1, 2)] == [True, False]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "sned"}, "nobody can 'sned' here; did you mean 'send'?"),
        ({"do": 5}, "has 5 for 'do'"),
        ({"do": "send", "channel": "pigeon"}, "has None for 'chat', and text is wanted"),
        ({"do": "send", **SEND, "chat": ""}, "channel_id: is empty"),
        ({"do": "send", **SEND, "media": "a.png"}, "a list of texts is wanted"),
        ({"do": "send", **SEND, "key": "a b"}, "key: expected at most 25 characters"),
        ({"do": "send", **SEND, "timeout_s": -1}, "a number of seconds is wanted"),
        ({"do": "send", **SEND, "timeout_s": True}, "a number of seconds is wanted"),
        ({"do": "retry", "id": "1"}, "a whole number is wanted"),
    ],
)
async def test_a_request_that_is_wrong_is_refused_with_the_field(
    control: Control, tmp_path: Path, session: FakeSession, fields: dict[str, Any], said: str
) -> None:
    """A client of another version learns what it said wrong, and nothing is done."""
    response = await asyncio.to_thread(ask, tmp_path, fields, GUARD_S)

    assert said in response["error"]
    assert response["code"] == 2
    assert session.messages == []


async def test_a_session_that_breaks_is_told_and_the_next_answer_comes(
    asked: Ask, session: FakeSession
) -> None:
    """A fault of our own ends one order, not the socket."""
    session.error = ZeroDivisionError("division by zero")
    broken = await asked("status")
    session.error = None

    assert broken == {"error": "ZeroDivisionError: division by zero", "code": 1}
    assert "channels" in (await asked("status"))["ok"]


async def test_no_secret_is_told(tmp_path: Path, session: FakeSession) -> None:
    """Every text in an answer is redacted, however deep it lies."""
    session.told = {"channels": [{"name": "pigeon", "reason": "GET /bot123:ABC failed"}]}
    control = Control(tmp_path, session, redact=lambda text: text.replace("123:ABC", "***"))
    await control.start()

    response = await asyncio.to_thread(ask, tmp_path, {"do": "status"}, GUARD_S)
    await control.stop()

    assert response["ok"]["channels"][0]["reason"] == "GET /bot*** failed"


async def test_the_status_tells_of_the_process_too(asked: Ask, tmp_path: Path) -> None:
    """Who looks for the bot learns which process it is, for how long, and where."""
    status = (await asked("status"))["ok"]

    assert status["pid"] == os.getpid()
    assert status["uptime_s"] >= 0
    assert status["workspace"] == str(tmp_path)


# Clients.


async def test_who_waits_for_a_message_keeps_no_other_waiting(
    asked: Ask, session: FakeSession
) -> None:
    """A status is told while a send is under way."""
    sending = asyncio.create_task(asked("send", **SEND))
    await session.asked.get()

    status = await asked("status")
    session.deliver("1")

    assert "channels" in status["ok"]
    assert (await sending)["ok"]["ids"] == ["1"]


async def test_many_clients_at_once_each_get_their_own_answer(
    asked: Ask, session: FakeSession
) -> None:
    """A hundred commands at the same time are nothing special."""
    session.deliver("1")

    responses = await asyncio.gather(
        *(asked("send", **SEND, key=f"k{number}") for number in range(100))
    )

    assert [one["ok"]["key"] for one in responses] == [f"k{number}" for number in range(100)]


async def test_one_connection_may_ask_several_times(control: Control, tmp_path: Path) -> None:
    """A program that asks every second need not connect every second."""
    reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
    for _ in range(2):
        writer.write(b'{"do": "status"}\n')

        assert "channels" in json.loads(await reader.readline())["ok"]
    writer.close()


async def test_a_client_that_goes_away_harms_nothing(
    control: Control, tmp_path: Path, asked: Ask, session: FakeSession
) -> None:
    """Its message is on its way all the same, and others are answered."""
    _, writer = await asyncio.open_unix_connection(tmp_path / NAME)
    writer.write(json.dumps({"do": "send", **SEND}).encode() + b"\n")
    await session.asked.get()
    writer.transport.abort()
    session.deliver("1")

    assert "channels" in (await asked("status"))["ok"]
    assert len(session.messages) == 1


@pytest.mark.parametrize("said", [b"", b"{", b'{"do": "send", "channel": "pigeon"'])
async def test_half_a_request_is_none(
    control: Control, tmp_path: Path, asked: Ask, session: FakeSession, said: bytes
) -> None:
    """A client that was killed while it wrote has asked for nothing."""
    reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
    writer.write(said)
    writer.write_eof()

    assert await reader.read() == b""
    assert session.messages == []
    writer.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello", "the request is no JSON: "),
        (b'"hello"', "the request is no JSON object"),
        (b"\xff", "the request is no JSON: "),
        (b"[" * 100_000, "the request is no JSON: "),
        (b"x" * (LINE_MOST_BYTES + 1), "the request has more than 1048576 bytes"),
    ],
    ids=["text", "no object", "no text", "deep", "long"],
)
async def test_what_is_no_request_is_answered_too(
    control: Control, tmp_path: Path, line: bytes, said: str
) -> None:
    """Whoever talks to the socket by hand learns what it wants."""
    reader, writer = await asyncio.open_unix_connection(tmp_path / NAME)
    writer.write(line + b"\n")

    response = json.loads(await reader.readline())

    assert response["error"].startswith(said)
    assert response["code"] == 2
    writer.close()


async def test_an_answer_that_is_too_long_is_an_error(asked: Ask, session: FakeSession) -> None:
    """A client need not take what never ends."""
    session.told = {"channels": "x" * LINE_MOST_BYTES}

    assert await asked("status") == {
        "error": f"the answer has more than {LINE_MOST_BYTES} bytes",
        "code": 1,
    }


async def test_a_request_that_is_too_long_is_not_even_made(asked: Ask) -> None:
    """The command says so, before it has sent a byte."""
    with pytest.raises(CobotError, match="a bot takes 1048576; send long texts as --media"):
        await asked("send", **{**SEND, "text": "x" * LINE_MOST_BYTES})


async def test_a_bot_that_does_not_answer_is_given_up(asked: Ask, session: FakeSession) -> None:
    """A command whose bot hangs ends, and says where to look."""
    with pytest.raises(NoAnswer, match=r"has not answered for 0\.05 s; its log may say why"):
        await asked("send", AT_ONCE_S, **SEND)


# The socket.


async def test_only_its_owner_may_use_the_socket(control: Control, tmp_path: Path) -> None:
    """It lets send in the bot's name, so nobody else may open it."""
    assert stat.S_IMODE((tmp_path / NAME).lstat().st_mode) == 0o600


async def test_the_mode_is_narrow_whatever_the_umask(
    tmp_path: Path, session: FakeSession
) -> None:
    """The process's own umask does not count, and is what it was afterwards."""
    before = os.umask(0)
    try:
        control = Control(tmp_path, session)
        await control.start()
        after = os.umask(0)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / NAME).lstat().st_mode) == 0o600
    assert after == 0
    await control.stop()


async def test_a_stop_leaves_nothing(tmp_path: Path, session: FakeSession) -> None:
    """The file is gone, and who asks then finds nobody."""
    control = Control(tmp_path, session)
    await control.start()
    await control.stop()

    with pytest.raises(NobodyThere, match="no bot runs on the workspace"):
        await asyncio.to_thread(ask, tmp_path, {"do": "status"}, GUARD_S)
    assert files_in(tmp_path) == []


async def test_a_stop_hangs_up_on_who_waits(
    tmp_path: Path, session: FakeSession, control: Control, asked: Ask
) -> None:
    """A command does not wait for a bot that has ended."""
    sending = asyncio.create_task(asked("send", **SEND))
    await session.asked.get()

    await control.stop()

    with pytest.raises(HungUp, match="ended before it answered") as caught:
        await sending
    assert caught.value.stored == "made-up"


async def test_a_bot_that_ends_before_it_has_stored_has_promised_nothing(
    control: Control, session: FakeSession, asked: Ask
) -> None:
    """Who asked may ask again."""
    session.may_store = asyncio.Event()
    sending = asyncio.create_task(asked("send", **SEND))
    await session.asked.get()

    await control.stop()

    with pytest.raises(HungUp) as caught:
        await sending
    assert caught.value.stored is None


async def test_a_stop_does_not_wait_for_who_does_not_read(
    tmp_path: Path, session: FakeSession, control: Control
) -> None:
    """A client whose buffer is full cannot keep a bot alive."""
    session.told = {"channels": "x" * (LINE_MOST_BYTES - 100)}
    _, writer = await asyncio.open_unix_connection(tmp_path / NAME)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b'{"do": "status"}\n' * 20)
    await session.was_asked.wait()

    async with asyncio.timeout(GUARD_S):
        await control.stop()
    writer.close()


async def test_two_stops_are_one(control: Control) -> None:
    """Who cleans up need not know who has done so before."""
    await control.stop()
    await control.stop()


async def test_the_socket_of_a_killed_bot_is_replaced(
    tmp_path: Path, session: FakeSession
) -> None:
    """What a killed owner left behind is in nobody's way."""
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / NAME))
    control = Control(tmp_path, session)
    with pytest.raises(NobodyThere):
        await asyncio.to_thread(ask, tmp_path, {"do": "status"}, GUARD_S)

    await control.start()

    response = await asyncio.to_thread(ask, tmp_path, {"do": "status"}, GUARD_S)
    await control.stop()
    assert "channels" in response["ok"]


async def test_a_bot_runs_without_a_socket_where_there_can_be_none(
    tmp_path: Path, session: FakeSession, caplog: pytest.LogCaptureFixture
) -> None:
    """What is in its place stays, the log says so, and the bot goes on."""
    (tmp_path / NAME).mkdir()
    control = Control(tmp_path, session)

    await control.start()
    await control.stop()

    assert (tmp_path / NAME).is_dir()
    assert "control.sock cannot be made: Address already in use; no other" in caplog.text


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder whose path is longer than a socket's may be."""
    folder = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 10)
    folder.mkdir(parents=True)
    assert len(os.fsencode(folder)) > PATH_MOST_BYTES
    return folder


async def test_a_workspace_may_lie_deep(deep: Path, session: FakeSession) -> None:
    """The system's limit for a socket's path is not the user's; the socket is in its place."""
    control = Control(deep, session)
    await control.start()

    response = await asyncio.to_thread(ask, deep, {"do": "status"}, GUARD_S)

    assert "channels" in response["ok"]
    assert stat.S_IMODE((deep / NAME).lstat().st_mode) == 0o600
    await control.stop()
    assert files_in(deep) == []


@pytest.mark.parametrize("missing", ["nobody", "nowhere/at/all"])
async def test_a_workspace_that_is_not_there_has_nobody(tmp_path: Path, missing: str) -> None:
    """A bot that has never run is a bot that does not run."""
    with pytest.raises(NobodyThere, match=missing):
        await asyncio.to_thread(ask, tmp_path / missing, {"do": "status"}, GUARD_S)


async def test_a_deep_workspace_that_is_not_there_has_nobody(deep: Path) -> None:
    """The same, where the way to it is long."""
    with pytest.raises(NobodyThere):
        await asyncio.to_thread(ask, deep / "missing", {"do": "status"}, GUARD_S)
