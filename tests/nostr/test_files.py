"""Files: encrypted where they are private, described where they are public, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cobot import Media, OutgoingMessage, Rejected, Unreachable
from cobot_nostr.crypto import Signer
from cobot_nostr.events import DIRECT, FILE, NIP04, Draft
from nostr.conftest import Bot
from nostr.people import Person
from nostr.servers import FileServer


@pytest.fixture
async def files() -> AsyncIterator[FileServer]:
    """A server for files."""
    async with FileServer().running() as server:
        yield server


async def test_file_is_encrypted_before_it_leaves(
    bot: Bot, person: Person, files: FileServer
) -> None:
    """A file server gets nothing that it could read, not even what kind it is."""
    content = b"only for you" * 100
    async with bot(blossom=[files.url]) as running:
        media = Media.from_bytes(content, name="letter.txt", content_type="text/plain")
        message = OutgoingMessage("nostr", f"dm:{person.id}", "read this", media=[media])
        receipt = await running.done(running.session.media(message), "media")
        file = await person.rumor(kind=FILE)
        caption = await person.rumor(kind=DIRECT)

        assert content not in files.files.values()
        assert file.value("ox") == hashlib.sha256(content).hexdigest()
        assert file.value("file-type") == "text/plain"
        assert (caption.content, caption.value("e")) == ("read this", file.id)
        assert [ref.id for ref in receipt.refs] == [file.id, caption.id]


async def test_public_file_is_linked_and_described(
    bot: Bot, person: Person, key: Signer, files: FileServer
) -> None:
    """In public a file is an address in the text and a tag with its hash (NIP-92)."""
    await person.watch({"authors": [key.pubkey], "kinds": [1]})
    content = b"for everybody"
    async with bot(blossom=[files.url]) as running:
        media = Media.from_bytes(content, name="poster.png", content_type="image/png")
        message = OutgoingMessage("nostr", "notes", "come all", media=[media])
        await running.done(running.session.media(message), "media")
        note = await person.event(kind=1)

        hash_ = hashlib.sha256(content).hexdigest()
        assert note.content == f"come all\n{files.url}/{hash_}"
        assert note.value("imeta") == f"url {files.url}/{hash_}"
        assert files.files[hash_] == content


@pytest.mark.parametrize("status", [402, 413, 503])
async def test_next_server_is_tried(
    bot: Bot, person: Person, files: FileServer, status: int
) -> None:
    """A server that does not take a file is no reason not to send it."""
    async with FileServer().running() as second:
        files.status = status
        async with bot(blossom=[files.url, second.url]) as running:
            media = Media.from_bytes(b"x", name="x")
            message = OutgoingMessage("nostr", f"dm:{person.id}", "", media=[media])
            await running.done(running.session.media(message), "media")

        assert len(second.files) == 1


async def test_older_server_reads_the_usual_base64(
    bot: Bot, person: Person, files: FileServer
) -> None:
    """A server that does not understand the authorisation is shown it in the other form."""
    files.status = 401
    async with bot(blossom=[files.url]) as running:
        media = Media.from_bytes(b"x" * 5, name="x")
        message = OutgoingMessage("nostr", f"dm:{person.id}", "", media=[media])
        receipt = await running.done(running.session.media(message), "media")

        assert not receipt.degraded
        assert len(files.files) == 1


async def test_file_on_the_web_is_linked_in_public_and_not_fetched_from_our_network(
    bot: Bot, person: Person, key: Signer, files: FileServer
) -> None:
    """An address is passed on as it is; to encrypt it, it is fetched from the internet only."""
    await person.watch({"authors": [key.pubkey], "kinds": [1]})
    media = Media.from_url(f"{files.url}/secret", name="secret")
    async with bot(blossom=[files.url]) as running:
        public = OutgoingMessage("nostr", "notes", "", media=[media])
        await running.done(running.session.media(public), "media")
        note = await person.event(kind=1)
        private = OutgoingMessage("nostr", f"dm:{person.id}", "", media=[media])
        with pytest.raises(Rejected):
            await running.done(running.session.media(private), "media")

        assert note.content == f"{files.url}/secret"


async def test_file_is_got_from_our_server_when_its_own_is_gone(
    bot: Bot, files: FileServer, tmp_path: Path
) -> None:
    """A file is known by its hash, wherever it lies."""
    content = b"still here"
    hash_ = hashlib.sha256(content).hexdigest()
    files.files[hash_] = content
    media = Media.from_remote({"url": "https://127.0.0.1:1/gone", "x": hash_}, name="x")
    async with bot(blossom=[files.url]) as running:
        await running.call(
            "session_fetch",
            channel_type="nostr",
            media=media,
            path=tmp_path / "x",
            limit_bytes=100,
        )

    assert (tmp_path / "x").read_bytes() == content


async def test_file_that_its_server_cannot_give_now_may_come_later(
    bot: Bot, files: FileServer, tmp_path: Path
) -> None:
    """A server that fails has not said that the file is gone."""
    files.is_ill = True
    media = Media.from_remote({"url": f"{files.url}/{'0' * 64}"}, name="x")
    async with bot(blossom=[files.url]) as running:
        with pytest.raises(Unreachable, match="status 503"):
            await running.call(
                "session_fetch",
                channel_type="nostr",
                media=media,
                path=tmp_path / "x",
                limit_bytes=100,
            )


async def test_without_a_server_files_are_links(bot: Bot, person: Person) -> None:
    """Where no server is configured the session says what it could not send."""
    async with bot() as running:
        media = Media.from_bytes(b"x", name="x.txt")
        message = OutgoingMessage("nostr", f"dm:{person.id}", "look", media=[media])
        receipt = await running.done(running.session.media(message), "media")

        assert receipt.degraded == ("media->link",)


async def test_file_that_is_not_what_was_announced_is_refused(
    bot: Bot, person: Person, key: Signer, files: FileServer, tmp_path: Path
) -> None:
    """What a server gives must have the hash that the message says."""
    hash_ = hashlib.sha256(b"true").hexdigest()
    files.files[hash_] = b"false"
    async with bot(blossom=[files.url]) as running:
        media = Media.from_remote({"url": f"{files.url}/{hash_}", "x": hash_}, name="x")
        with pytest.raises(Rejected, match="is not the one that was announced"):
            await running.call(
                "session_fetch",
                channel_type="nostr",
                media=media,
                path=tmp_path / "x",
                limit_bytes=100,
            )


async def test_private_file_does_not_leave_in_the_old_form(
    bot: Bot, person: Person, key: Signer, files: FileServer
) -> None:
    """NIP-04 has no encrypted files, so a file stays here and the text says so."""
    async with bot(blossom=[files.url]) as running:
        encrypted = person.signer.encrypt_nip04(key.pubkey, "old")
        await person.say(Draft(kind=NIP04, tags=(("p", key.pubkey),), content=encrypted))
        message = await running.question("old")
        answer = message.reply("look", media=[Media.from_bytes(b"x", name="x.txt")])
        receipt = await running.done(running.session.media(answer), "media")

        assert receipt.degraded == ("media->link",)
        assert not files.files
