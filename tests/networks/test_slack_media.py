"""Files: of the bot, and of people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from networks.slack import FakeSlack, Message, Room
from networks.slack_client import SlackClient

CONTENT = bytes(range(256)) + b"\r\n--x\r\n"


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


async def place_for(app: SlackClient, content: bytes, name: str = "a.bin") -> tuple[str, str]:
    """Return the address for the bytes of a file, and its id."""
    answer = await app.ask("files.getUploadURLExternal", filename=name, length=len(content))
    return answer["upload_url"], answer["file_id"]


async def uploaded(app: SlackClient, content: bytes, name: str = "a.bin") -> str:
    """Upload bytes; return the file's id."""
    url, file_id = await place_for(app, content, name)
    response = await app.http.post(url, content=content)
    assert (response.status_code, response.text) == (200, f"OK - {len(content)}")
    return file_id


async def completed(app: SlackClient, *file_ids: str, **params: Any) -> dict[str, Any]:
    """Make files of what was uploaded."""
    files = json.dumps([{"id": file_id, "title": f"T {file_id}"} for file_id in file_ids])
    return await app.ask("files.completeUploadExternal", files=files, **params)


async def test_a_file_is_sent_in_three_steps(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Its message appears a little later, and is found by asking for the file."""
    slack.world.files.share_s = 60
    root = ann.text("x")
    file_id = await uploaded(app, CONTENT, "päper.pdf")
    place = {"channel_id": ann.id, "thread_ts": root.ts}
    answer = await completed(app, file_id, initial_comment="see <this>", **place)
    before = (await app.ask("files.info", file=file_id))["file"]["shares"]
    slack.share_now()
    (message,) = slack.sent
    after = (await app.ask("files.info", file=file_id))["file"]["shares"]

    assert "ts" not in answer
    assert before == {}
    assert after == {"private": {ann.id: [{"ts": message.ts, "thread_ts": root.ts}]}}
    assert (message.thread_ts, message.text) == (root.ts, "see &lt;this&gt;")
    assert message.fields["subtype"] == "file_share"
    assert (message.files[0]["name"], message.files[0]["title"]) == (
        "päper.pdf",
        f"T {file_id}",
    )
    assert message.files[0]["mimetype"] == "application/pdf"
    assert (await app.get(message.files[0]["url_private"])).content == CONTENT


async def test_several_files_share_a_message(slack: FakeSlack, app: SlackClient) -> None:
    """In a public channel they are public."""
    lab = slack.channel("lab")
    ids = [await uploaded(app, CONTENT), await uploaded(app, b"2")]
    await completed(app, *ids, channel_id=lab.id)
    (message,) = await slack.wait_for_sent()

    assert [one["id"] for one in message.files] == ids
    assert list(slack.world.files.by_id[ids[1]].shares) == ["public"]


async def test_a_form_carries_the_bytes_as_well(slack: FakeSlack, app: SlackClient) -> None:
    """Byte by byte."""
    url, file_id = await place_for(app, CONTENT)
    empty = await app.http.post(url, files={"not a file": (None, b"x")})
    await app.http.post(url, files={"file": ("x", CONTENT)})

    assert empty.status_code == 400
    assert slack.world.files.by_id[file_id].content == CONTENT


async def test_a_file_without_a_channel_is_shown_to_nobody(
    slack: FakeSlack, app: SlackClient
) -> None:
    """It is a file all the same."""
    file_id = await uploaded(app, CONTENT)
    await completed(app, file_id)

    assert (await app.ask("files.info", file=file_id))["file"]["id"] == file_id
    assert not slack.sent


async def test_the_place_takes_what_was_announced(app: SlackClient) -> None:
    """Once, and of that length; without any token."""
    url, _ = await place_for(app, CONTENT)

    short = await app.http.post(url, content=CONTENT[:-1])
    whole = await app.http.post(url, content=CONTENT)
    again = await app.http.post(url, content=CONTENT)

    unknown = await app.http.post(f"{url}0", content=CONTENT)

    assert [one.status_code for one in (short, whole, again)] == [400, 200, 404]
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"filename": "a", "length": "0"}, "invalid_arguments"),
        ({"length": "5"}, "invalid_arguments"),
        ({"filename": "a", "length": "5", "alt_txt": "x" * 1001}, "alt_txt_too_large"),
        (
            {"filename": "a", "length": str(1024 * 1024 + 1), "snippet_type": "text"},
            "snippet_too_large",
        ),
    ],
)
async def test_a_place_is_refused(app: SlackClient, params: dict[str, str], error: str) -> None:
    """When it is not said for what it is, or that it is too much."""
    assert await app.refusal("files.getUploadURLExternal", **params) == error


async def test_an_upload_is_not_completed(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Without its bytes, twice, or where the bot may not write."""
    method = "files.completeUploadExternal"
    _, empty = await place_for(app, CONTENT)
    done = await uploaded(app, CONTENT)
    await completed(app, done)
    ready = await uploaded(app, CONTENT)
    lab = slack.channel("lab", has_bot=False)

    def files(file_id: str) -> str:
        return json.dumps([{"id": file_id}])

    assert await app.refusal(method, files=files(empty)) == "file_not_found"
    assert await app.refusal(method, files=files(done)) == "file_not_found"
    assert await app.refusal(method, files="[]") == "invalid_arguments"
    place = {"files": files(ready), "channel_id": lab.id}
    assert await app.refusal(method, **place) == "not_in_channel"
    place = {"files": files(ready), "channel_id": ann.id, "initial_comment": "x" * 4001}
    assert await app.refusal(method, **place) == "msg_too_long"
    assert await app.refusal("files.info", file=ready) == "file_not_found"


# --- of people ---


async def test_a_file_is_given_out_to_the_bot_alone(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """All others get a page to sign in on, and no error."""
    file = ann.file(CONTENT, "a.png").files[0]

    for name in ("url_private", "url_private_download"):
        got = await app.get(file[name])
        page = await app.get(file[name], token="")
        wrong = await app.get(file[name], token="xoxb-other")
        assert (got.content, got.headers["content-type"]) == (CONTENT, "image/png")
        for refused in (page, wrong):
            assert refused.status_code == 200
            assert refused.headers["content-type"].startswith("text/html")
    assert [call.method for call in slack.requests] == ["download"] * 6


async def test_a_missing_scope_is_not_told(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """The page is the same."""
    file = ann.file(CONTENT).files[0]
    slack.scopes.discard("files:read")

    assert (await app.get(file["url_private"])).headers["content-type"].startswith("text/html")


async def test_there_is_nothing_at_a_wrong_address(app: SlackClient, ann: Room) -> None:
    """For one who may see it."""
    file = ann.file(CONTENT).files[0]
    wrong = file["url_private"].replace(file["id"], "F000000099")

    _, empty = await place_for(app, CONTENT)
    unfinished = file["url_private"].replace(file["id"], empty)

    assert (await app.get(wrong)).status_code == 404
    assert (await app.get(unfinished)).status_code == 404


async def test_some_files_are_not_there(app: SlackClient, ann: Room) -> None:
    """Links, files of other organisations, what was deleted or is too old."""
    link = ann.file(name="doc", mode="external", external_url="https://docs.test/x").files[0]
    stub = ann.file(is_stub=True).files[0]
    gone = ann.file(mode="tombstone").files[0]
    told = (await app.ask("files.info", file=stub["id"]))["file"]

    assert (link["url_private"], "url_private_download" in link) == (
        "https://docs.test/x",
        False,
    )
    assert stub == {
        "id": stub["id"],
        "mode": "file_access",
        "file_access": "check_file_info",
    }
    assert gone == {"id": gone["id"], "mode": "tombstone"}
    assert told["url_private"].endswith("notes.txt")


async def test_what_is_told_of_a_file(ann: Room) -> None:
    """May be more than there is, or less."""
    message: Message = ann.files(
        [{"name": None, "size": 5}, {"name": "a.ogg", "title": "Song", "mimetype": "x/y"}],
        text="two",
    )

    first, second = message.files
    assert (message.text, first["name"], first["size"]) == ("two", None, 5)
    assert (second["title"], second["mimetype"], second["size"]) == ("Song", "x/y", 11)
