"""Official clients judge the fake Slack: for them it has to be the real one."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from networks.judges import Client, Judge, Refusal, RegistryUnreachable, python_of
from networks.slack import FakeSlack, Fault, Room, page, rate_limited
from networks.slack.posting import Poster

PINS = ("slack_bolt==1.30.0", "slack_sdk==3.47.0", "aiohttp==3.14.5", "websockets==17.4")
SDK = Client("slack_sdk_judge", PINS)
BOLT = Client("slack_bolt_judge", PINS)
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}
CONTENT = bytes(range(256)) * 5 + b"\r\n--x\r\n"
BUTTON = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": "ok",
            "value": "yes",
            "text": {"type": "plain_text", "text": "Yes"},
        }
    ],
}

pytestmark = pytest.mark.timeout(300)  # seconds; the first test of a client installs it


def started(client: Client, request: pytest.FixtureRequest) -> Iterator[Judge]:
    """Run a client in an environment that both share: Bolt is built on the library."""
    assert request.config.cache is not None
    try:
        python = python_of(SDK, request.config.cache.mkdir("judges"))
    except RegistryUnreachable as reason:
        pytest.skip(str(reason))
    judge = Judge(client, python)
    yield judge
    judge.close()


@pytest.fixture(scope="module")
def running_sdk(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """The official library."""
    yield from started(SDK, request)


@pytest.fixture(scope="module")
def running_bolt(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """The official framework."""
    yield from started(BOLT, request)


@pytest.fixture
async def sdk(running_sdk: Judge, slack: FakeSlack) -> Judge:
    """The library as the network's app."""
    await running_sdk.ask(
        "connect", url=slack.url, token=slack.bot_token, app_token=slack.app_token
    )
    return running_sdk


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


async def refusal(judge: Judge, command: str, **arguments: Any) -> Refusal:
    """Return how the client reports that a call failed."""
    with pytest.raises(Refusal) as refused:
        await judge.ask(command, **arguments)
    return refused.value


# --- the web client of slack_sdk ---


async def test_it_knows_who_it_is(sdk: Judge, slack: FakeSlack) -> None:
    """The first call that every client makes."""
    me = await sdk.ask("auth_test")

    assert (me["user_id"], me["user"]) == (slack.bot.id, "test_bot")


async def test_it_posts_changes_and_deletes(sdk: Judge, slack: FakeSlack, ann: Room) -> None:
    """With blocks, metadata and in threads; what comes back is what appeared."""
    asked = ann.text("hello")
    tag = {"event_type": "cobot_key", "event_payload": {"key": "k1"}}

    sent = await sdk.ask(
        "chat_postMessage",
        channel=ann.id,
        text="*hi* <1>",
        blocks=[SECTION],
        metadata=tag,
        thread_ts=asked.ts,
        reply_broadcast=True,
        unfurl_links=False,
    )
    place = {"channel": sent["channel"], "ts": sent["ts"]}
    edited = await sdk.ask("chat_update", **place, text="new")
    await sdk.ask(
        "reactions_add", channel=ann.id, timestamp=sent["ts"], name="white_check_mark"
    )
    await sdk.ask(
        "assistant_threads_setStatus",
        channel_id=ann.id,
        thread_ts=asked.ts,
        status="is thinking ...",
    )
    await sdk.ask("users_setPresence", presence="away")
    await sdk.ask("chat_delete", **place)

    assert (sent["message"]["text"], sent["message"]["metadata"]) == ("*hi* &lt;1&gt;", tag)
    assert edited["text"] == "new"
    assert [event.kind for event in slack.events] == [
        "sent",
        "edited",
        "reacted",
        "status",
        "presence",
        "deleted",
    ]


async def test_it_pages_through_a_conversation(sdk: Judge, slack: FakeSlack, ann: Room) -> None:
    """The client follows the cursors by itself; metadata come when they are asked for."""
    root = ann.text("message 0")
    for number in range(1, 6):
        ann.text(f"message {number}")
        ann.text(f"reply {number}", thread=root)
    tag = {"event_type": "cobot_key", "event_payload": {"key": "k1"}}
    await sdk.ask("chat_postMessage", channel=ann.id, text="mine", metadata=tag)

    pages = await sdk.ask(
        "pages",
        method="conversations_history",
        channel=ann.id,
        limit=2,
        include_all_metadata=True,
    )
    replies = await sdk.ask(
        "pages", method="conversations_replies", channel=ann.id, ts=root.ts, limit=3
    )

    found = [message for one in pages for message in one["messages"]]
    assert [one["text"] for one in found] == [
        "mine",
        *(f"message {number}" for number in (5, 4, 3, 2, 1, 0)),
    ]
    assert found[0]["metadata"] == tag
    assert [one["text"] for one in replies[0]["messages"]][:2] == ["message 0", "reply 1"]
    assert len(replies) == 2


async def test_it_asks_about_people_and_channels(sdk: Judge, slack: FakeSlack) -> None:
    """And opens direct messages."""
    bob = slack.user("Bob", display_name="Bobby")
    lab = slack.channel("lab", person=bob)

    user = await sdk.ask("users_info", user=bob.id)
    channel = await sdk.ask("conversations_info", channel=lab.id)
    listed = await sdk.ask("conversations_list", types="public_channel,im")
    opened = await sdk.ask("conversations_open", users=[bob.id])

    assert user["user"]["profile"]["display_name"] == "Bobby"
    assert channel["channel"]["is_member"] is True
    assert [one["name"] for one in listed["channels"]] == ["lab"]
    assert opened["channel"]["id"] == slack.private_chat(bob).id


async def test_its_uploads_keep_every_byte(sdk: Judge, slack: FakeSlack, ann: Room) -> None:
    """And its downloads; without the token there is a page to sign in on."""
    done = await sdk.ask(
        "upload",
        content=base64.b64encode(CONTENT).decode(),
        filename="päper x.bin",
        title="Paper",
        channel=ann.id,
        initial_comment="see",
    )
    (message,) = await slack.wait_for_sent()
    url = message.files[0]["url_private_download"]

    got = await sdk.ask("download", url=url, has_token=True)
    page_to_sign_in = await sdk.ask("download", url=url, has_token=False)
    info = await sdk.ask("files_info", file=done["files"][0]["id"])

    assert (message.text, message.files[0]["name"]) == ("see", "päper x.bin")
    assert base64.b64decode(got["content"]) == CONTENT
    assert page_to_sign_in["content_type"] == "text/html"
    assert info["file"]["shares"]["private"][ann.id][0]["ts"] == message.ts


async def test_it_tells_refusals_apart(sdk: Judge, slack: FakeSlack, ann: Room) -> None:
    """An unknown channel, a missing scope, a limit, a token that is revoked."""
    unknown = await refusal(sdk, "chat_postMessage", channel="C0NOWHERE1", text="x")
    slack.scopes.discard("reactions:write")
    message = ann.text("x")
    scope = await refusal(sdk, "reactions_add", channel=ann.id, timestamp=message.ts, name="+1")
    slack.fail_next("chat.postMessage", rate_limited(7))
    limited = await refusal(sdk, "chat_postMessage", channel=ann.id, text="x")
    slack.revoke_token()
    revoked = await refusal(sdk, "auth_test")

    assert unknown.kind == "SlackApiError"
    assert unknown.details == {"status": 200, "error": "channel_not_found"}
    assert scope.details == {
        "status": 200,
        "error": "missing_scope",
        "needed": "reactions:write",
    }
    assert limited.details == {"status": 429, "error": "ratelimited", "retry_after": 7}
    assert revoked.details["error"] == "token_revoked"


@pytest.mark.parametrize("failure", [page(502), Fault.CUT])
async def test_it_survives_a_failing_network(
    sdk: Judge, slack: FakeSlack, ann: Room, failure: Any
) -> None:
    """It reports what it could not do, and goes on."""
    slack.fail_next("chat.postMessage", failure, times=2)  # it tries a broken answer again

    await refusal(sdk, "chat_postMessage", channel=ann.id, text="x")
    slack.troubles.clear()
    assert await sdk.ask("chat_postMessage", channel=ann.id, text="x")


# --- its clients of Socket Mode ---

KINDS = ("aiohttp", "websockets", "threaded")


@pytest.mark.parametrize("kind", KINDS)
async def test_it_listens(sdk: Judge, slack: FakeSlack, ann: Room, kind: str) -> None:
    """It is greeted, answers pings, and acknowledges what it hears."""
    slack.timing.ping_s = 0.05
    await sdk.ask("listen", kind=kind)
    (link,) = await slack.wait_for_links()
    message = ann.text("1 < 2")
    interaction = ann.slash("/test", "x")

    event, command = await sdk.ask("seen", count=2)
    await slack.wait_for(lambda: interaction.is_acked and not slack.pending)
    await slack.wait_for(lambda: link.pongs > 1)
    await sdk.ask("stop")

    assert event["payload"]["event"]["ts"] == message.ts
    assert (command["type"], command["payload"]["text"]) == ("slash_commands", "x")
    assert link.acks == [one["envelope_id"] for one in link.envelopes]


@pytest.mark.parametrize("kind", KINDS[:2])  # the third one looks about every few seconds
async def test_it_moves_to_a_fresh_connection(
    sdk: Judge, slack: FakeSlack, ann: Room, kind: str
) -> None:
    """When it is told to go, and when its connection is reset."""
    await sdk.ask("listen", kind=kind)
    (first,) = await slack.wait_for_links()
    slack.disconnect("refresh_requested")
    await slack.wait_for(lambda: slack.links and first not in slack.links)
    ann.text("one")
    await sdk.ask("seen", count=1)
    await slack.wait_for(lambda: not slack.pending)
    before = len(slack.socket_mode.links)
    slack.socket_mode.server.drop_all()
    await slack.wait_for(lambda: len(slack.socket_mode.links) > before and slack.links)
    ann.text("two")

    (event,) = await sdk.ask("seen", count=1)
    await sdk.ask("stop")

    assert event["payload"]["event"]["text"] == "two"
    assert not slack.lost


async def test_what_it_does_not_acknowledge_comes_again(
    sdk: Judge, slack: FakeSlack, ann: Room
) -> None:
    """The same event in another envelope, which says why."""
    slack.timing.ack_s, slack.timing.retry_s = 0.05, (0.0,)
    await sdk.ask("listen", kind="aiohttp", is_acking=False)
    await slack.wait_for_links()
    ann.text("hello")

    first, second = await sdk.ask("seen", count=2)
    await slack.wait_for(lambda: slack.lost)
    await sdk.ask("stop")

    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert first["envelope_id"] != second["envelope_id"]
    assert second["retry_attempt"] == 1


async def test_it_notices_a_connection_that_is_silent(
    sdk: Judge, slack: FakeSlack, ann: Room
) -> None:
    """Its pings are not answered, so it opens another connection."""
    await sdk.ask("listen", kind="aiohttp")
    (link,) = await slack.wait_for_links()
    link.freeze()

    await slack.wait_for(lambda: link not in slack.links and slack.links)
    await sdk.ask("stop")


async def test_its_check_takes_our_signatures(running_sdk: Judge, slack: FakeSlack) -> None:
    """But no changed body, and none that is older than five minutes."""
    poster = Poster(slack.world, slack.signing_secret, f"{slack.url}/nowhere")
    poster.outbox = slack.outbox
    body = '{"text": "héllo"}'
    posted = await poster.post(body.encode(), "application/json")
    now = slack.world.now()
    common = {"secret": slack.signing_secret, "headers": posted.headers}

    assert await running_sdk.ask("verify", body=body, now=now, **common)
    assert not await running_sdk.ask("verify", body=f"{body} ", now=now, **common)
    assert not await running_sdk.ask("verify", body=body, now=now + 301, **common)


# --- Bolt ---


async def everything_is_heard(judge: Judge, slack: FakeSlack, ann: Room) -> None:
    """Let people do what Bolt has handlers for, and see that it answers."""
    lab = slack.channel("lab")
    first = ann.text("hello")
    (echo,) = await judge.ask("seen", count=1)
    await slack.wait_for_sent()
    command = ann.slash("/test", "now")
    reply = slack.sent[0]
    reply.fields["blocks"] = [{"block_id": "b1", **BUTTON}]
    pressed = ann.press(reply, "ok")
    heard = await judge.ask("seen", count=2)
    ann.react(first, "👍")
    ann.edit(first, "hello again")
    lab.text("@test_bot hi")
    later = await judge.ask("seen", count=4)
    await slack.wait_for(lambda: not slack.pending)

    assert echo["message"]["text"] == "hello"
    assert {next(iter(one)) for one in heard} == {"command", "action"}
    assert {next(iter(one)) for one in later} == {
        "reaction_added",
        "message_changed",
        "message",
        "app_mention",
    }
    assert command.answer == {"text": "working"}
    assert pressed.is_acked
    answers = [event.detail["text"] for event in slack.events if event.kind == "answered"]
    assert sorted(answers) == ["done", "working"]
    assert {"hello", "pressed yes"} <= {message.text for message in slack.sent}


async def test_bolt_works_over_socket_mode(
    running_bolt: Judge, slack: FakeSlack, ann: Room
) -> None:
    """Messages, mentions, edits, reactions, commands and buttons; its own are left alone."""
    await running_bolt.ask(
        "socket",
        url=slack.url,
        token=slack.bot_token,
        secret=slack.signing_secret,
        app_token=slack.app_token,
    )
    await slack.wait_for_links()

    await everything_is_heard(running_bolt, slack, ann)
    await running_bolt.ask("stop")


async def test_bolt_works_over_http(running_bolt: Judge) -> None:
    """It answers the challenge, and takes our signatures; others it refuses."""
    async with FakeSlack() as slack:  # Bolt checks timestamps against the time as it is
        ann = slack.private_chat()
        url = await running_bolt.ask(
            "http", url=slack.url, token=slack.bot_token, secret=slack.signing_secret
        )
        assert await slack.post_events_to(url)
        assert slack.poster

        await everything_is_heard(running_bolt, slack, ann)
        slack.poster.secret, slack.timing.retry_s = "another", ()
        ann.text("forged")
        await slack.wait_for(lambda: slack.deliveries[-1].reasons)
        await running_bolt.ask("stop")

        assert slack.deliveries[-1].reasons == ["http_error"]
        assert slack.poster.posts[-1].status == 401
        assert abs(time.time() - float(slack.sent[0].ts)) < 60
