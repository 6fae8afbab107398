"""A person at the fake network: lines typed become what people do, and the bot's acts lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from networks.faults import Fault
from networks.slack.chats import Channel, Message, User
from networks.slack.errors import page, rate_limited
from networks.slack.network import FakeSlack
from networks.slack.record import Event
from networks.slack.rooms import Room


class Mistake(Exception):
    """A line that cannot be done; its words are for the one who typed it."""


class ByHand:
    """Does what lines say.

    Args:
        network: Where.
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    def __init__(self, network: FakeSlack, folder: Path, say: Callable[[str], None]) -> None:
        self.is_over = False
        """Whether the person has had enough."""
        self._network = network
        self._folder = folder
        self._say = say
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

    def do(self, line: str) -> None:
        """Do what a line says, or say why it cannot be done."""
        line = line.strip()
        if not line:
            return
        word, _, rest = line.partition(" ")
        command = COMMANDS.get(word)
        try:
            if command:
                command[1](self, rest.strip())
            elif line.startswith("/") and not line.startswith("//"):
                self._room.slash(word, rest.strip(), by=self._who)
            else:
                self._write(line.removeprefix("/") if line.startswith("//") else line)
        except (Mistake, OSError, LookupError) as error:
            self._say(f"cannot do that: {error}")

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

    def _pick(self, rest: str, *, by_bot: bool) -> tuple[Message, str]:
        """Return the message that `#N` names, or the last of one side, and what follows."""
        word, _, after = rest.partition(" ")
        if word.startswith("#") and word[1:].isdecimal():
            number = int(word[1:])
            if not 0 < number <= len(self._shown) or self._shown[number - 1].is_deleted:
                raise Mistake(f"there is no message {word}")
            return self._shown[number - 1], after.strip()
        for message in reversed(self._room.messages):
            if message.is_outgoing == by_bot:
                return message, rest
        raise Mistake(
            "the bot has written nothing here" if by_bot else "you wrote nothing here"
        )

    def direct(self, rest: str) -> None:
        """Go to your direct messages, and write."""
        self._go(self._network.private_chat(self._who), rest)

    def channel(self, rest: str) -> None:
        """Go to a channel, and make it if it is new; the bot is in it."""
        name, _, text = rest.partition(" ")
        if not name:
            raise Mistake("it needs the channel's name")
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
        if not rest:
            raise Mistake("it needs a name")
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

    def edit(self, rest: str) -> None:
        """Edit your last message, or #N."""
        message, text = self._pick(rest, by_bot=False)
        self._room.edit(message, text)
        self._say(f"edited {self._number(message)}")

    def delete(self, rest: str) -> None:
        """Delete your last message, or #N."""
        message, _ = self._pick(rest, by_bot=False)
        self._room.delete(message)
        self._say(f"deleted {self._number(message)}")

    def react(self, rest: str) -> None:
        """React to the bot's last message, or to #N, with an emoji or its name."""
        message, name = self._pick(rest, by_bot=True)
        if not name:
            raise Mistake("it needs an emoji")
        self._room.react(message, name, by=self._who)
        self._say(f"reacted to {self._number(message)}")

    def press(self, rest: str) -> None:
        """Press the button with this action id on the bot's last message, or #N."""
        message, action_id = self._pick(rest, by_bot=True)
        self._room.press(message, action_id, by=self._who)

    def file(self, rest: str) -> None:
        """Send a file, with words."""
        name, _, words = rest.partition(" ")
        if not name:
            raise Mistake("it needs the file's path")
        path = Path(name).expanduser()
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
        self._network.fail_next("chat.postMessage", rate_limited(_whole(rest or "3")))
        self._say("the next message is refused: ratelimited")

    def fail(self, rest: str) -> None:
        """Let the bot's next request fail with a status such as 502, or `reset`."""
        if rest == "reset":
            self._network.fail_next(None, Fault.RESET)
        else:
            self._network.fail_next(None, page(_whole(rest or "502")))
        self._say("the next request fails")

    def list(self, rest: str) -> None:
        """Show what stands in this conversation."""
        for message in self._room.messages[-20:]:
            name = message.user.real_name if message.user else "somebody"
            self._say(f"{self._label(message)} {name}: {message.shown}")

    def help(self, rest: str) -> None:
        """Show this."""
        self._say("what you type is written to the bot; and")
        for word, (usage, command) in COMMANDS.items():
            about = (command.__doc__ or "").strip()
            self._say(f"  {f'{word} {usage}'.strip():24} {about}")
        self._say("  any other word with a slash is a command of the app; // makes it a text")

    def quit(self, rest: str) -> None:
        """Stop the network."""
        self.is_over = True


def _whole(word: str) -> int:
    if not word.isdecimal():
        raise Mistake(f"{word!r} is no number")
    return int(word)


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
