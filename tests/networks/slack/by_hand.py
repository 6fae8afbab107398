"""A person at the fake network: lines typed become what people do, and the bot's acts lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from networks.person import Commands, Mistake, Person, needed, path_in, whole
from networks.slack.chats import Channel, Message, User
from networks.slack.errors import page, rate_limited
from networks.slack.network import FakeSlack
from networks.slack.record import Event
from networks.slack.rooms import Room
from networks.web import Response


class ByHand(Person[Message]):
    """Does what lines say.

    Args:
        network: Where.
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    closing = "any other word with a slash is a command of the app; // makes it a text"
    mistakes = (*Person.mistakes, LookupError)
    _network: FakeSlack
    _room: Room

    def __init__(self, network: FakeSlack, folder: Path, say: Callable[[str], None]) -> None:
        super().__init__(folder, say)
        self._network = network
        self._people: dict[str, User] = {}
        self._shown: list[Message] = []  # in the order of their numbers
        self._tasks: set[asyncio.Task[None]] = set()
        self._who = self._person("Ann")
        self._room = network.private_chat(self._who)
        self._rooms: dict[str, Room] = {}
        self._thread: Message | None = None
        network.world.record.listeners.append(self.show)

    # --- what the bot does ---

    def show(self, event: Event) -> None:
        """Say what the bot did."""
        where = self._name(event.channel) if event.channel else ""
        message = event.message
        match event.kind:
            case "sent" if message:
                self._say(f"bot in {where} {self._label(message)}: {self._words(message)}")
            case "edited" if message:
                number = self._number(message)
                self._say(f"bot in {where} edits {number}: {self._words(message)}")
            case "deleted" if message:
                self._say(f"bot in {where} deletes {self._number(message)}")
            case "reacted" if message:
                number = self._number(message)
                self._say(f"bot in {where} reacts to {number}: :{event.detail}:")
            case "unreacted" if message:
                number = self._number(message)
                self._say(f"bot in {where} no longer reacts to {number}: :{event.detail}:")
            case "status":
                self._say(f"bot in {where}: {event.detail['status'] or 'no status'}")
            case "presence":
                self._say(f"bot is {event.detail}")
            case "ephemeral" | "answered":
                text = event.detail.get("text", "")
                self._say(f"bot in {where}, only for one: {text}")

    def _number(self, message: Message) -> str:
        if message not in self._shown:
            self._shown.append(message)
        return f"#{self._shown.index(message) + 1}"

    def _label(self, message: Message) -> str:
        number = self._number(message)
        parent = message.channel.messages.get(message.thread_ts or "")
        return f"{number} (in thread {self._number(parent)})" if parent else number

    def _name(self, channel: Channel) -> str:
        if channel.kind != "im":
            return f"#{channel.name}"
        person = channel.members[0]
        mine = person is self._who
        return "direct messages" if mine else f"direct messages with {person.real_name}"

    def _words(self, message: Message) -> str:
        words = message.shown
        if message.is_outgoing:
            for wire in message.files:
                stored = self._network.world.files.by_id[wire["id"]]
                path = self._folder / f"{stored.id}-{Path(stored.name or 'file').name}"
                path.write_bytes(stored.content or b"")
                words = f"[file: {path}] {words}".rstrip()
        elif message.files:
            words = f"[file] {words}".rstrip()
        return words

    # --- what people do ---

    @property
    def commands(self) -> Commands:
        """What can be typed besides texts."""
        return COMMANDS

    def _other(self, line: str) -> None:
        """Use a command of the app, or write a text."""
        if line.startswith("/") and not line.startswith("//"):
            word, _, rest = line.partition(" ")
            self._room.slash(word, rest.strip(), by=self._who)
        else:
            super()._other(line)

    def _person(self, name: str) -> User:
        if name not in self._people:
            self._people[name] = self._network.user(name)
        return self._people[name]

    def _write(self, text: str) -> None:
        self._wrote(self._room.text(text, by=self._who, thread=self._thread))

    def _wrote(self, message: Message) -> None:
        where = self._name(message.channel)
        self._say(
            f"{self._who.real_name} in {where} {self._label(message)}: {self._words(message)}"
        )
        if not self._network.links and not self._network.poster:
            waits = ", ".join(f"{wait:g}" for wait in self._network.timing.retry_s)
            self._say(f"  no app is connected; the network tries again after {waits} seconds")

    def _find(self, number: int) -> Message | None:
        found = dict(enumerate(self._shown, 1)).get(number)
        return None if found is None or found.is_deleted else found

    def _is_by_bot(self, message: Message) -> bool:
        return message.is_outgoing

    def _page(self, status: int) -> Response:
        return page(status)

    def direct(self, rest: str) -> None:
        """Go to your direct messages, and write."""
        self._go(self._network.private_chat(self._who), rest)

    def channel(self, rest: str) -> None:
        """Go to a channel, and make it if it is new; the bot is in it."""
        name, _, text = needed(rest, "the channel's name").partition(" ")
        if name not in self._rooms:
            self._rooms[name] = self._network.channel(name, person=self._who)
        room = self._rooms[name]
        if self._who not in room.channel.members:
            room.join(self._who)
        self._go(room, text.strip())

    def _go(self, room: Room, text: str) -> None:
        self._room, self._thread = room, None
        place = self._name(room.channel)
        self._say(f"you are {self._who.real_name} in {place}, channel {room.id}")
        if text:
            self._write(text)

    def become(self, rest: str) -> None:
        """Be somebody else."""
        needed(rest, "a name")
        self._who = self._person(rest)
        if self._room.channel.kind == "im":
            self.direct("")
        else:
            self.channel(self._room.channel.name)

    def thread(self, rest: str) -> None:
        """Write in the thread of the bot's last message, or of #N, until you go elsewhere."""
        message, text = self._pick(rest, by_bot=True)
        parent = self._room.channel.messages.get(message.thread_ts or message.ts)
        self._thread = parent or message
        self._say(f"you are in the thread of {self._number(self._thread)}")
        if text:
            self._write(text)

    def react(self, rest: str) -> None:
        """React to the bot's last message, or to #N, with an emoji or its name."""
        message, name = self._pick(rest, by_bot=True)
        needed(name, "an emoji")
        self._room.react(message, name, by=self._who)
        self._say(f"reacted to {self._number(message)}")

    def press(self, rest: str) -> None:
        """Press the button with this action id on the bot's last message, or #N."""
        message, action_id = self._pick(rest, by_bot=True)
        self._room.press(message, action_id, by=self._who)

    def file(self, rest: str) -> None:
        """Send a file, with words."""
        path, words = path_in(rest)
        sent = self._room.file(
            path.read_bytes(), path.name, text=words, by=self._who, thread=self._thread
        )
        self._wrote(sent)

    def http(self, rest: str) -> None:
        """Let events be posted to an address instead of Socket Mode."""
        if not rest.startswith("http://"):
            raise Mistake("it needs an address that begins with http://")
        task = asyncio.get_running_loop().create_task(self._switch(rest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _switch(self, url: str) -> None:
        is_verified = await self._network.post_events_to(url)
        self._say(f"{url} {'gets events' if is_verified else 'did not answer the challenge'}")

    def refresh(self, rest: str) -> None:
        """Tell the bot's connections to go, as the network does every few hours."""
        count = len(self._network.links)
        self._network.disconnect("refresh_requested")
        self._say(f"told {count} connections to go")

    def limit(self, rest: str) -> None:
        """Let the bot's next message be refused for so many seconds."""
        self._network.fail_next("chat.postMessage", rate_limited(whole(rest or "3")))
        self._say("the next message is refused: ratelimited")

    def list(self, rest: str) -> None:
        """Show what stands in this conversation."""
        for message in self._room.messages[-20:]:
            name = message.user.real_name if message.user else "somebody"
            self._say(f"{self._label(message)} {name}: {message.shown}")


COMMANDS: dict[str, tuple[str, Callable[[ByHand, str], None]]] = {
    "/direct": ("[TEXT]", ByHand.direct),
    "/channel": ("NAME [TEXT]", ByHand.channel),
    "/as": ("NAME", ByHand.become),
    "/thread": ("[#N] [TEXT]", ByHand.thread),
    "/edit": ("[#N] TEXT", ByHand.edit),
    "/delete": ("[#N]", ByHand.delete),
    "/react": ("[#N] EMOJI", ByHand.react),
    "/press": ("[#N] ACTION_ID", ByHand.press),
    "/file": ("PATH [TEXT]", ByHand.file),
    "/http": ("URL", ByHand.http),
    "/refresh": ("", ByHand.refresh),
    "/limit": ("[SECONDS]", ByHand.limit),
    "/fail": ("[STATUS]", ByHand.fail),
    "/list": ("", ByHand.list),
    "/help": ("", ByHand.help),
    "/quit": ("", ByHand.quit),
}
"""By word: what follows it, and what it does."""
