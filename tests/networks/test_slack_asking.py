"""Tokens, forms of calls, and the methods that only tell."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.slack import FakeSlack, Room
from networks.slack_client import SlackClient, SlackRefused, answered


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


def texts(answer: dict[str, Any]) -> list[str]:
    """Return the texts of what was told."""
    return [one["text"] for one in answer["messages"]]


# --- tokens ---


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-unknown", "auth.test", "invalid_auth"),
        ("app", "auth.test", "not_allowed_token_type"),
        ("bot", "apps.connections.open", "not_allowed_token_type"),
        ("bot", "chat.fly", "unknown_method"),
    ],
)
async def test_a_token_is_checked(
    slack: FakeSlack, app: SlackClient, token: str, method: str, error: str
) -> None:
    """What is wrong is said with HTTP 200."""
    known = {"app": slack.app_token, "bot": slack.bot_token}
    response = await app.post(method, known.get(token, token))

    assert (response.status_code, response.json()["ok"]) == (200, False)
    assert response.json()["error"] == error
    assert slack.requests[0].error == error


async def test_a_token_may_be_a_parameter(slack: FakeSlack, app: SlackClient) -> None:
    """As older clients send it; it is not kept among them. In a header only as a bearer's."""
    response = await app.post("auth.test", "", data={"token": slack.bot_token})

    basic = {"authorization": f"Basic {slack.bot_token}"}
    other = await app.http.post(f"{slack.url}/auth.test", headers=basic)

    assert response.json()["ok"]
    assert slack.requests[0].params == {}
    assert other.json()["error"] == "not_authed"


async def test_a_token_can_be_revoked(slack: FakeSlack, app: SlackClient) -> None:
    """Or whatever else may happen to it."""
    slack.revoke_token("account_inactive")

    assert await app.refusal("auth.test") == "account_inactive"


async def test_a_missing_scope_is_named(slack: FakeSlack, app: SlackClient) -> None:
    """With those that there are."""
    slack.scopes.discard("users:read")
    with pytest.raises(SlackRefused) as refused:
        await app.ask("users.info", user=slack.bot.id)

    assert refused.value.error == "missing_scope"
    assert refused.value.answer["needed"] == "users:read"
    assert "chat:write" in refused.value.answer["provided"].split(",")


async def test_every_answer_tells_the_scopes(slack: FakeSlack, app: SlackClient) -> None:
    """In a header."""
    response = await app.post("auth.test")

    assert set(response.headers["x-oauth-scopes"].split(",")) == slack.scopes


async def test_the_bot_learns_who_it_is(slack: FakeSlack, app: SlackClient) -> None:
    """Its user, its bot id, its team: by these it knows its own messages."""
    me = await app.ask("auth.test")

    assert (me["user_id"], me["bot_id"]) == (slack.bot.id, slack.bot.bot_id)
    assert me["team_id"] == slack.bot.team_id


# --- forms ---


async def test_what_only_tells_takes_no_json(app: SlackClient, ann: Room) -> None:
    """Parameters in a body of JSON count as not given there; in a query they are."""
    with pytest.raises(SlackRefused, match="user_not_found"):
        await app.send("users.info", user=ann.person.id)

    got = await app.post("users.info", params={"user": ann.person.id})
    assert answered(got)["user"]["name"] == "ann"


async def test_json_without_a_charset_is_scolded(app: SlackClient, ann: Room) -> None:
    """It is taken all the same."""
    sent = await app.send("chat.postMessage", channel=ann.id, text="x")
    kind = {"content-type": "application/json; charset=utf-8"}
    body = f'{{"channel": "{ann.id}", "text": "x"}}'.encode()
    token = {"authorization": f"Bearer {app.network.bot_token}"}
    url = f"{app.network.url}/chat.postMessage"
    right = await app.http.post(url, content=body, headers={**kind, **token})

    assert sent["warning"] == "missing_charset"
    assert "warning" not in right.json()


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[]", "invalid_json"),
        ("application/x-www-form-urlencoded", b"\xff", "invalid_form_data"),
    ],
)
async def test_a_broken_body_is_refused(
    app: SlackClient, kind: str, body: bytes, error: str
) -> None:
    """By its type."""
    response = await app.http.post(
        f"{app.network.url}/chat.postMessage", content=body, headers={"content-type": kind}
    )

    assert response.json()["error"] == error


# --- people and channels ---


async def test_people_are_told_of(slack: FakeSlack, app: SlackClient) -> None:
    """One, or all page by page; unknown ones are not."""
    bob = slack.user("Bob Ray", display_name="bobby", is_restricted=True)
    robot = slack.user("Robot", is_bot=True)

    user = (await app.ask("users.info", user=bob.id))["user"]
    first = await app.ask("users.list", limit="2")
    cursor = first["response_metadata"]["next_cursor"]
    rest = await app.ask("users.list", limit="2", cursor=cursor)
    told = (await app.ask("bots.info", bot=robot.bot_id))["bot"]

    assert (user["name"], user["real_name"]) == ("bob.ray", "Bob Ray")
    assert (user["profile"]["display_name"], user["is_restricted"]) == ("bobby", True)
    assert [one["id"] for one in first["members"] + rest["members"]] == [*slack.world.users]
    assert rest["response_metadata"]["next_cursor"] == ""
    assert (told["name"], told["user_id"]) == ("Robot", robot.id)
    assert "bot_id" not in user["profile"]
    asked = (await app.ask("users.info", user=robot.id))["user"]
    assert (asked["is_bot"], asked["profile"]["bot_id"]) == (True, robot.bot_id)
    assert await app.refusal("users.info", user="U0NOBODY01") == "user_not_found"
    assert await app.refusal("bots.info", bot="B0NOBODY01") == "bot_not_found"


async def test_channels_are_told_of(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Those that the bot can see: private ones only as a member."""
    lab = slack.channel("lab", person=ann.person)
    hidden = slack.channel("hidden", is_private=True, has_bot=False)
    slack.channel("crew", is_private=True)
    group = slack.group_chat()

    info = (await app.ask("conversations.info", channel=ann.id))["channel"]
    named = (await app.ask("conversations.info", channel=lab.id))["channel"]
    told = await app.ask("conversations.list", types="public_channel,private_channel,im,mpim")
    members = await app.ask("conversations.members", channel=lab.id)

    assert (info["is_im"], info["user"]) == (True, ann.person.id)
    assert (named["is_im"], named["name"]) == (False, "lab")
    assert {one["id"] for one in told["channels"]} == {
        room.id for room in slack.world.channels.values() if room.id != hidden.id
    }
    lab.channel.has_bot = False
    others = await app.ask("conversations.members", channel=lab.id)

    assert members["members"] == [slack.bot.id, ann.person.id]
    assert others["members"] == [ann.person.id]
    assert (await app.ask("conversations.info", channel=group.id))["channel"]["is_mpim"]
    assert await app.refusal("conversations.info", channel=hidden.id) == "channel_not_found"
    assert await app.refusal("conversations.list", types="rooms") == "invalid_types"


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        ("channels:read", "public_channel"),
        ("groups:read", "private_channel"),
        ("im:read", "im"),
        ("mpim:read", "mpim"),
    ],
)
async def test_each_kind_of_channel_has_a_scope(
    slack: FakeSlack, app: SlackClient, scope: str, kind: str
) -> None:
    """To list it, to be told of it, and of who is there."""
    rooms = {
        "public_channel": slack.channel("lab"),
        "private_channel": slack.channel("crew", is_private=True),
        "im": slack.private_chat(),
        "mpim": slack.group_chat(),
    }
    slack.scopes.discard(scope)

    for other, room in rooms.items():
        for method in ("conversations.info", "conversations.members"):
            response = await app.post(method, data={"channel": room.id})
            assert response.json().get("needed") == (scope if other == kind else None)
    assert await app.refusal("conversations.list", types=f"im,{kind}") == "missing_scope"


async def test_archived_channels_can_be_left_out(slack: FakeSlack, app: SlackClient) -> None:
    """Of the list."""
    lab = slack.channel("lab")
    lab.archive()

    told = await app.ask("conversations.list")
    left = await app.ask("conversations.list", exclude_archived="true")

    assert (len(told["channels"]), left["channels"]) == (1, [])


# --- history ---


async def test_history_is_told_from_its_end(app: SlackClient, ann: Room) -> None:
    """Page by page; replies are left out, but for those that were shown to all."""
    root = ann.text("0")
    for number in range(1, 5):
        ann.text(str(number))
    ann.text("reply", thread=root)
    ann.text("broadcast", thread=root, is_broadcast=True)

    first = await app.ask("conversations.history", channel=ann.id, limit="3")
    cursor = first["response_metadata"]["next_cursor"]
    rest = await app.ask("conversations.history", channel=ann.id, limit="3", cursor=cursor)

    assert (texts(first), first["has_more"]) == (["broadcast", "4", "3"], True)
    assert (texts(rest), rest["has_more"]) == (["2", "1", "0"], False)
    assert "response_metadata" not in rest
    assert rest["messages"][-1]["reply_count"] == 2
    assert "channel" not in first["messages"][0]


async def test_a_message_that_comes_meanwhile_moves_no_page(
    app: SlackClient, ann: Room
) -> None:
    """A cursor names a message and not a number."""
    for number in range(4):
        ann.text(str(number))
    first = await app.ask("conversations.history", channel=ann.id, limit="2")
    ann.text("late")
    cursor = first["response_metadata"]["next_cursor"]
    rest = await app.ask("conversations.history", channel=ann.id, cursor=cursor)

    assert texts(first) + texts(rest) == ["3", "2", "1", "0"]


async def test_history_has_borders(app: SlackClient, ann: Room) -> None:
    """Which belong to it only when they are to."""
    ts = [ann.text(str(number)).ts for number in range(4)]
    between = {"oldest": ts[0], "latest": ts[3]}

    inner = await app.ask("conversations.history", channel=ann.id, **between)
    outer = await app.ask("conversations.history", channel=ann.id, inclusive="true", **between)
    since = await app.ask("conversations.history", channel=ann.id, oldest=ts[2])
    everything = await app.ask("conversations.history", channel=ann.id, oldest="0")

    assert texts(inner) == ["2", "1"]
    assert texts(outer) == ["3", "2", "1", "0"]
    assert texts(since) == ["3"]
    assert len(texts(everything)) == 4


async def test_timestamps_are_no_numbers(app: SlackClient, ann: Room, clock: Clock) -> None:
    """They end in zeros, and two at the same moment differ."""
    first, second = ann.text("a"), ann.text("b")
    clock.advance(1.5)
    third = ann.text("c")

    assert first.ts.endswith("00")
    assert str(float(first.ts)) != first.ts
    assert first.ts < second.ts < third.ts
    assert third.ts.split(".")[1] >= "500000"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"cursor": "nonsense"}, "invalid_cursor"),
        ({"cursor": "YWJj"}, "invalid_cursor"),
        ({"cursor": "b3RoZXI6NQ=="}, "invalid_cursor"),
        ({"limit": "1000"}, "invalid_limit"),
        ({"limit": "-1"}, "invalid_limit"),
        ({"oldest": "yesterday"}, "invalid_ts_oldest"),
        ({"latest": "x.y"}, "invalid_ts_latest"),
    ],
)
async def test_a_wrong_question_is_refused(
    app: SlackClient, ann: Room, params: dict[str, str], error: str
) -> None:
    """And not answered by something else."""
    assert await app.refusal("conversations.history", channel=ann.id, **params) == error


async def test_a_limit_that_is_no_number_is_none(app: SlackClient, ann: Room) -> None:
    """It counts as not given."""
    ann.text("x")

    assert texts(await app.ask("conversations.history", channel=ann.id, limit="many")) == ["x"]


async def test_a_thread_is_told_from_its_beginning(app: SlackClient, ann: Room) -> None:
    """Each page begins with the parent."""
    root = ann.text("root")
    replies = [ann.text(str(number), thread=root) for number in range(3)]

    first = await app.ask("conversations.replies", channel=ann.id, ts=root.ts, limit="2")
    cursor = first["response_metadata"]["next_cursor"]
    rest = await app.ask(
        "conversations.replies", channel=ann.id, ts=root.ts, limit="2", cursor=cursor
    )
    alone = await app.ask("conversations.replies", channel=ann.id, ts=replies[0].ts)

    assert (texts(first), texts(rest)) == (["root", "0", "1"], ["root", "2"])
    assert first["messages"][0]["thread_ts"] == root.ts
    assert first["messages"][0]["latest_reply"] == replies[2].ts
    assert first["messages"][1]["parent_user_id"] == ann.person.id
    assert texts(alone) == ["0"]
    refused = await app.refusal("conversations.replies", channel=ann.id, ts="1.000000")
    assert refused == "thread_not_found"


async def test_metadata_are_told_whole_when_asked_for(app: SlackClient, ann: Room) -> None:
    """Else only of what type they are."""
    tag = {"event_type": "cobot_key", "event_payload": {"key": "k"}}
    await app.send("chat.postMessage", channel=ann.id, text="x", metadata=tag)

    short = await app.ask("conversations.history", channel=ann.id)
    whole = await app.ask("conversations.history", channel=ann.id, include_all_metadata="true")

    assert short["messages"][0]["metadata"] == {"event_type": "cobot_key"}
    assert whole["messages"][0]["metadata"] == tag


async def test_history_needs_a_member_with_the_kinds_scope(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Direct messages have another one than channels."""
    lab = slack.channel("lab", has_bot=False)
    slack.scopes.discard("im:history")

    assert await app.refusal("conversations.history", channel=lab.id) == "not_in_channel"
    assert await app.refusal("conversations.history", channel=ann.id) == "missing_scope"
