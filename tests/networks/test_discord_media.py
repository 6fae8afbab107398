"""Files, up and down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from networks.client import Clock
from networks.discord import FakeDiscord, Hall, Room
from networks.discord_client import BareRest, Refused
from networks.telegram.pictures import png

CONTENT = bytes(range(256)) * 5 + b"\r\n--x\r\n"
VOICE = {"flags": 1 << 13}
ABOUT_VOICE = {"id": 0, "duration_secs": 1.5, "waveform": "AAAA"}


async def test_files_keep_every_byte(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """What is said of them is kept; whoever has the link gets them, without a token."""
    about = [{"id": 0, "description": "all bytes"}, {"id": 1, "filename": "other.png"}]
    payload = {"content": "see", "attachments": about}
    sent = await rest.upload(
        general.id, payload, ("päper x.bin", CONTENT), ("p.png", png(8, 4))
    )
    first, second = sent["attachments"]
    got = await rest.http.get(first["url"])

    assert (got.content, got.headers["content-type"]) == (CONTENT, "application/octet-stream")
    assert (first["filename"], first["size"]) == ("päper x.bin", len(CONTENT))
    assert first["description"] == "all bytes"
    assert (second["filename"], second["width"], second["height"]) == ("other.png", 8, 4)
    assert discord.sent[0].attachments[0].content == CONTENT
    assert "authorization" not in discord.calls("download")[0].headers


async def test_links_expire(
    rest: BareRest, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """A fresh one is in the message when it is asked for again; a wrong one leads nowhere."""
    message = general.attach(CONTENT, "notes.txt", content_type="text/plain")
    path = f"/channels/{general.id}/messages/{message.id}"
    old = (await rest.ask("GET", path))["attachments"][0]["url"]
    clock.advance(discord.world.files.link_life_s)
    new = (await rest.ask("GET", path))["attachments"][0]["url"]

    links = (old, new, new.replace("hm=", "hm=0"), new.partition("?")[0])
    codes = [(await rest.http.get(link)).status_code for link in links]
    assert codes == [404, 200, 404, 404]


async def test_a_post_of_a_forum_may_bring_files(
    rest: BareRest, discord: FakeDiscord, lab: Hall
) -> None:
    """They stand in the post; in no other channel is there such a file."""
    forum = lab.forum()
    parts = {
        "payload_json": (
            None,
            '{"name": "x", "message": {"content": "y"}}',
            "application/json",
        ),
        "files[0]": ("a.txt", b"a"),
    }
    post = await rest.ask("POST", f"/channels/{forum.id}/threads", files=parts)
    url = post["message"]["attachments"][0]["url"]

    assert (await rest.http.get(url)).content == b"a"
    assert f"/attachments/{post['id']}/" in url
    elsewhere = url.replace(f"/{post['id']}/", f"/{forum.id}/", 1)
    assert (await rest.http.get(elsewhere)).status_code == 404


async def test_names_have_no_paths(rest: BareRest, general: Room) -> None:
    """Only their last part stays."""
    sent = await rest.upload(general.id, {}, ("../../etc/passwd", b"x"), ("a\\b.txt", b"x"))

    assert [one["filename"] for one in sent["attachments"]] == ["passwd", "b.txt"]


async def test_files_are_limited(
    rest: BareRest, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Each in its size, which guilds may raise; the request; their number."""
    limits = discord.world.files.limits
    limits.file_bytes = 10
    with pytest.raises(Refused) as large:
        await rest.upload(general.id, {}, ("a", b"x" * 11))
    await rest.upload(general.id, {}, ("a", b"x" * 10))
    lab.guild.upload_bytes = 20
    await rest.upload(general.id, {}, ("a", b"x" * 20))
    await rest.upload(general.id, {}, *[("a", b"x")] * 10)
    with pytest.raises(Refused) as many:
        await rest.upload(general.id, {}, *[("a", b"x")] * 11)

    assert (large.value.status, large.value.code) == (413, 40005)
    assert (many.value.status, many.value.code) == (400, 50035)


async def test_requests_are_limited(rest: BareRest, general: Room) -> None:
    """To 25 MiB."""
    with pytest.raises(Refused) as large:
        await rest.upload(general.id, {}, ("a", b"x" * (25 * 1024 * 1024)))

    assert (large.value.status, large.value.code) == (413, 40005)


async def test_files_are_a_permission(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """And embeds as well."""
    general.deny("ATTACH_FILES", "EMBED_LINKS")
    with pytest.raises(Refused) as refused:
        await rest.upload(general.id, {"content": "x"}, ("a", b"x"))
    embeds = {"embeds": [{"title": "t"}]}

    assert refused.value.code == 50013
    assert (
        await rest.refusal("POST", f"/channels/{general.id}/messages", embeds)
    ).code == 50013
    assert discord.sent == []


@pytest.mark.parametrize(
    ("about", "path"),
    [
        ([{"id": 0, "description": "x" * 1025}], ("0", "description")),
        ([{"filename": "x"}], ("0", "id")),
    ],
)
async def test_what_is_said_of_files_is_checked(
    rest: BareRest, general: Room, about: list[Any], path: tuple[str, str]
) -> None:
    """The text for those who do not see it; which file is meant."""
    with pytest.raises(Refused) as refused:
        await rest.upload(general.id, {"attachments": about}, ("a", b"x"))

    number, field = path
    assert refused.value.errors["attachments"][number][field]["_errors"]


async def test_an_edit_keeps_the_files_it_lists(rest: BareRest, general: Room) -> None:
    """All of them when it lists none; listed and new ones stand together."""
    sent = await rest.upload(general.id, {"content": "x"}, ("a", b"1"), ("b", b"2"))
    path = f"/channels/{general.id}/messages/{sent['id']}"
    kept = await rest.ask("PATCH", path, {"content": "y"})
    second = sent["attachments"][1]["id"]
    fewer = await rest.ask("PATCH", path, {"attachments": [{"id": second}]})
    parts = {
        "payload_json": (None, f'{{"attachments": [{{"id": "{second}"}}, {{"id": 0}}]}}'),
        "files[0]": ("c", b"3"),
    }
    more = await rest.ask("PATCH", path, files=parts)

    assert len(kept["attachments"]) == 2
    assert [one["filename"] for one in fewer["attachments"]] == ["b"]
    assert [one["filename"] for one in more["attachments"]] == ["b", "c"]


async def test_a_voice_message_is_one_sound(rest: BareRest, general: Room) -> None:
    """With what is told of it, and nothing else; it cannot be edited."""
    refusals = []
    for content, about in (("x", ABOUT_VOICE), ("", ABOUT_VOICE), ("", {"id": 0})):
        payload = {**VOICE, "content": content, "attachments": [about]}
        kind = "text/plain" if about is ABOUT_VOICE else "audio/ogg"
        refusals.append((await voice(rest, general, payload, kind)).json()["code"])
    payload = {**VOICE, "attachments": [ABOUT_VOICE]}
    sent = (await voice(rest, general, payload, "audio/ogg")).json()
    path = f"/channels/{general.id}/messages/{sent['id']}"

    assert refusals == [50159, 50160, 50161]
    assert sent["attachments"][0]["duration_secs"] == 1.5
    edit = await rest.refusal("PATCH", path, {"content": "x"})
    assert (edit.status, edit.code) == (400, 50162)


async def voice(rest: BareRest, room: Room, payload: dict[str, Any], kind: str) -> Any:
    """Send a sound; return the answer, whatever it is."""
    parts = {
        "payload_json": (None, json.dumps(payload), "application/json"),
        "files[0]": ("v.ogg", b"x", kind),
    }
    return await rest.request("POST", f"/channels/{room.id}/messages", files=parts)
