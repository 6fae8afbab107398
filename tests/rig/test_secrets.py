"""Whatever goes wrong, no secret is written anywhere."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from rig.agent import FAILING, answer_to
from rig.channel import BUGGY
from rig.network import Fault, Trouble
from rig.world import CHANNEL, World

TOKEN = 'tok/en+1 "quoted" \\ grün'


def forms(secret: str) -> set[bytes]:
    """Return a secret in every form that a file or a log may have it in."""
    texts = {
        secret,
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        secret.encode().hex(),
        base64.b64encode(secret.encode()).decode(),
    }
    return {text.encode() for text in texts} | {secret.encode("utf-16-le")}


def found(secret: str, content: bytes) -> list[bytes]:
    """Return what stands around each place where a secret is."""
    places = [(content.find(form), len(form)) for form in forms(secret)]
    return [content[max(at - 100, 0) : at + size + 20] for at, size in places if at >= 0]


async def _play(world: World) -> None:
    """Have everything fail that can, each time with an error that quotes the token."""
    network = world.network
    network.fail(Trouble(Fault.REFUSED, calls=("send",), chats={"refused"}))
    network.fail(Trouble(Fault.LOST, times=1, calls=("send",), chats={"lost"}))
    network.fail(Trouble(Fault.LIMIT, 1, ("send",), {"limited"}, retry_after_s=0.1))
    for chat, text in [
        ("refused", "message"),
        ("lost", "message"),
        ("limited", "message"),
        ("agent", f"{FAILING} message"),
        ("channel", f"{BUGGY} message"),
    ]:
        network.post(chat, text)
    await world.start()
    await world.until(lambda: ("limited", answer_to("message")) in network.first)
    for words in ("a bug with", "no answer with", "403", "the connection broke"):
        await world.guarded(world.process.said(words))
    network.refuse()
    network.drop_all()
    await world.guarded(world.process.said("no connection"))
    await network.listen()
    network.post("chat", "last")
    await world.until(lambda: ("chat", answer_to("last")) in network.first)


async def test_no_secret_is_written_anywhere() -> None:
    """At the most verbose level, logs, output, journal and commands are free of the token."""
    async with World(
        mode="none",
        token=TOKEN,
        words=("-v",),
        channel={"tells": "much"},
        agent={"secret": "${RIG_TOKEN}"},
        session={"agent_tries": 1, "send_tries": 1, "send_age": 0},
        has_reports=False,
        stop_timeout_s=2.0,
    ) as world:
        await _play(world)
        printed = [
            await world.ask(*words, "-c", str(world.folder / "cobot.yml"))
            for words in (
                ("status", "--json"),
                ("dead", "list"),
                ("history", CHANNEL, "agent"),
                ("why", CHANNEL, "agent", "4"),
                ("why", CHANNEL, "refused", "1"),
                ("why", CHANNEL, "channel", "5"),
            )
        ]
        await world.terminate()
        world.network.change_token("another")
        await world.start()
        await world.guarded(world.process.said("parked"))
        await world.terminate()
        said = "\n".join(line for one in world.processes for line in one.lines)
        said = "\n".join([said, *(text for _, text in printed)])
        files = {
            path.name: path.read_bytes()
            for path in world.workspace.rglob("*")
            if path.is_file()
        }

    assert [code for code, _ in printed] == [0] * len(printed), printed
    assert "***" in said
    assert found(TOKEN, said.encode()) == []
    assert "journal.db" in files
    assert [found(TOKEN, content) for content in files.values()] == [[]] * len(files)
