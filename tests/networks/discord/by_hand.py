"""A person at the fake network: lines typed become what people do, and the bot's acts lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from networks.discord.entities import Attachment, Channel, Message, User
from networks.discord.errors import ApiError, page, too_many_requests
from networks.discord.files import safe_name
from networks.discord.network import FakeDiscord
from networks.discord.record import Event
from networks.discord.rooms import Room
from networks.person import Commands, Mistake, Person, needed, path_in, whole
from networks.web import Response


class ByHand(Person[Message]):
    """Does what lines say.

    Args:
        network: Where.
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    opening = "what you type is written to the bot (@bot mentions it); and"
    closing = "// makes any line a text"
    mistakes = (*Person.mistakes, ApiError)
    _network: FakeDiscord
    _room: Room

    def __init__(self, network: FakeDiscord, folder: Path, say: Callable[[str], None]) -> None:
        super().__init__(folder, say)
        self._network = network
        self._people: dict[str, User] = {}
        self._who = network.user("Ann")
        self._people["Ann"] = self._who
        self.hall = network.guild("Lab", person=self._who)
        self._rooms = {"general": self.hall.channel("general")}
        self._room = self._rooms["general"]
        network.world.record.listeners.append(self.show)

    # --- what the bot does ---

    def show(self, event: Event) -> None:
        """Say what the bot did."""
        where = self._name(event.channel) if event.channel else ""
        message = event.message
        match event.kind:
            case "sent" if message:
                self._say(f"bot in {where} {self._shown(message)}")
            case "edited" if message:
                self._say(f"bot in {where} edits {self._shown(message)}")
            case "deleted" if message:
                self._say(f"bot in {where} deletes {self._number(message)}")
            case "reacted" | "unreacted" if message:
                emoji, verb = event.detail["name"], "reacts with"
                if event.kind == "unreacted":
                    verb = "takes back"
                self._say(f"bot in {where} {verb} {emoji} at {self._number(message)}")
            case "typing":
                self._say(f"bot in {where} is typing ...")
            case "thread":
                self._say(f"bot opens the thread {where}")
            case "presence":
                words = [one.get("state") or one["name"] for one in event.detail["activities"]]
                self._say(" ".join(["bot is", event.detail["status"], *words]))
            case "answered":
                self._say(f"bot in {where} answers the command")

    def _name(self, channel: Channel) -> str:
        if channel.guild is None:
            return "private" if channel.recipient is self._who else "somebody's private channel"
        return f"#{channel.name}"

    def _number(self, message: Message) -> str:
        return f"#{[*message.channel.messages].index(message.id) + 1}"

    def _shown(self, message: Message) -> str:
        asked = f" (to {self._number(message.reply_to)})" if message.reply_to else ""
        words = [f"[file: {self._saved(one)}]" for one in message.attachments]
        words += [f"[embed: {one.get('title') or one['type']}]" for one in message.embeds]
        return f"{self._number(message)}{asked}: {' '.join([*words, message.content])}".rstrip()

    def _saved(self, file: Attachment) -> Path:
        path = self._folder / f"{file.id}-{safe_name(file.filename)}"
        path.write_bytes(file.content)
        return path

    # --- what people do ---

    @property
    def commands(self) -> Commands:
        """What can be typed besides texts."""
        return COMMANDS

    def _write(self, text: str, reply_to: Message | None = None) -> None:
        text = text.replace("@bot", self._network.bot.mention)
        self._wrote(self._room.text(text, by=self._who, reply_to=reply_to))

    def _wrote(self, message: Message) -> None:
        where = self._name(message.channel)
        self._say(f"{self._who.name} in {where} {self._shown(message)}")

    def _find(self, number: int) -> Message | None:
        found = dict(enumerate(self._room.channel.messages.values(), 1)).get(number)
        return None if found is None or found.is_deleted else found

    def _is_by_bot(self, message: Message) -> bool:
        return message.author is self._network.bot

    def _page(self, status: int) -> Response:
        return page(status)

    def private(self, rest: str) -> None:
        """Go to your direct channel with the bot, and write."""
        self._go(self._network.dm(self._who), rest)

    def channel(self, rest: str) -> None:
        """Go to a channel of the guild, opened if it is new, and write."""
        name, _, text = rest.partition(" ")
        name = name.removeprefix("#") or "general"
        if name not in self._rooms:
            self._rooms[name] = self.hall.channel(name)
        self._go(self._rooms[name], text)

    def thread(self, rest: str) -> None:
        """Open a thread in this channel, and go there."""
        needed(rest, "the thread's name")
        if self._room.channel.is_thread or self._room.channel.guild is None:
            raise Mistake("only in a channel of the guild: /channel")
        self._go(self._room.thread(rest, by=self._who), "")

    def _go(self, room: Room, text: str) -> None:
        self._room = room
        self._say(f"you are {self._who.name} in {self._name(room.channel)}, id {room.id}")
        if text:
            self._write(text)

    def become(self, rest: str) -> None:
        """Be somebody else."""
        needed(rest, "a name")
        if rest not in self._people:
            self._people[rest] = self._network.user(rest)
            self.hall.join(self._people[rest])
        self._who = self._people[rest]
        is_private = self._room.channel.guild is None
        self._go(self._network.dm(self._who) if is_private else self._room, "")

    def reply(self, rest: str) -> None:
        """Reply to the bot's last message, or to #N."""
        message, text = self._pick(rest, by_bot=True)
        self._write(text, message)

    def react(self, rest: str) -> None:
        """React to the bot's last message, or to #N."""
        message, emoji = self._pick(rest, by_bot=True)
        self._room.react(message, emoji, by=self._who)
        self._say(f"reacted to {self._number(message)}")

    def unreact(self, rest: str) -> None:
        """Take a reaction back."""
        message, emoji = self._pick(rest, by_bot=True)
        self._room.unreact(message, emoji, by=self._who)
        self._say(f"took it back from {self._number(message)}")

    def type(self, rest: str) -> None:
        """Begin to write."""
        self._room.type(self._who)

    def use(self, rest: str) -> None:
        """Use a slash command of the bot; what follows is its option `text`."""
        name, _, text = needed(rest, "the command's name").partition(" ")
        self._room.use(name, {"text": text} if text else {}, by=self._who)

    def file(self, rest: str) -> None:
        """Send a file, with a text."""
        path, text = path_in(rest)
        file = self._room.file(path.read_bytes(), path.name)
        self._wrote(self._room.post(text, files=[file], by=self._who))

    # --- what goes wrong ---

    def drop(self, rest: str) -> None:
        """Cut the bot's connections to the gateway; it may resume."""
        self._network.gateway.drop_all()
        self._say("cut")

    def close(self, rest: str) -> None:
        """Close the bot's connection with a code such as 4000."""
        self._network.gateway.close(whole(rest or "4000"))
        self._say("closed")

    def reconnect(self, rest: str) -> None:
        """Ask the bot to reconnect."""
        self._network.gateway.reconnect()
        self._say("asked")

    def invalidate(self, rest: str) -> None:
        """Tell the bot that its session is not valid any more."""
        self._network.gateway.invalidate()
        self._say("told")

    def limit(self, rest: str) -> None:
        """Let the bot's next message be refused for so many seconds."""
        self._network.fail_next("create_message", too_many_requests(whole(rest or "3")))
        self._say("the next message is refused: too many requests")

    def list(self, rest: str) -> None:
        """Show what stands in this channel."""
        for message in self._room.messages[-20:]:
            self._say(f"{message.author.name}: {self._shown(message)}")


COMMANDS: dict[str, tuple[str, Callable[[ByHand, str], None]]] = {
    "/private": ("[TEXT]", ByHand.private),
    "/channel": ("[NAME] [TEXT]", ByHand.channel),
    "/thread": ("NAME", ByHand.thread),
    "/as": ("NAME", ByHand.become),
    "/reply": ("[#N] TEXT", ByHand.reply),
    "/edit": ("[#N] TEXT", ByHand.edit),
    "/delete": ("[#N]", ByHand.delete),
    "/react": ("[#N] EMOJI", ByHand.react),
    "/unreact": ("[#N] EMOJI", ByHand.unreact),
    "/typing": ("", ByHand.type),
    "/use": ("COMMAND [TEXT]", ByHand.use),
    "/file": ("PATH [TEXT]", ByHand.file),
    "/drop": ("", ByHand.drop),
    "/close": ("[CODE]", ByHand.close),
    "/reconnect": ("", ByHand.reconnect),
    "/invalidate": ("", ByHand.invalidate),
    "/limit": ("[SECONDS]", ByHand.limit),
    "/fail": ("[STATUS]", ByHand.fail),
    "/list": ("", ByHand.list),
    "/help": ("", ByHand.help),
    "/quit": ("", ByHand.quit),
}
"""By word: what follows it, and what it does."""
