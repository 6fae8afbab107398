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
from networks.faults import Fault


class Mistake(Exception):
    """A line that cannot be done; its words are for the one who typed it."""


class ByHand:
    """Does what lines say.

    Args:
        network: Where.
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    def __init__(self, network: FakeDiscord, folder: Path, say: Callable[[str], None]) -> None:
        self.is_over = False
        """Whether the person has had enough."""
        self._network = network
        self._folder = folder
        self._say = say
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

    def do(self, line: str) -> None:
        """Do what a line says, or say why it cannot be done."""
        line = line.strip()
        if not line:
            return
        word, _, rest = line.partition(" ")
        command = COMMANDS.get(word)
        try:
            if command is None:
                # What is no command here is text; two slashes make any line one.
                self._write(line.removeprefix("/") if line.startswith("//") else line)
            else:
                command[1](self, rest.strip())
        except (Mistake, OSError) as error:
            self._say(f"cannot do that: {error}")
        except ApiError as error:
            self._say(f"cannot do that: {error.message}")

    def _write(self, text: str, reply_to: Message | None = None) -> None:
        text = text.replace("@bot", self._network.bot.mention)
        self._wrote(self._room.text(text, by=self._who, reply_to=reply_to))

    def _wrote(self, message: Message) -> None:
        where = self._name(message.channel)
        self._say(f"{self._who.name} in {where} {self._shown(message)}")

    def _pick(self, rest: str, *, by_bot: bool) -> tuple[Message, str]:
        """Return the message that `#N` names, or the last of one side, and what follows."""
        word, _, after = rest.partition(" ")
        if word.startswith("#") and word[1:].isdecimal():
            there = [*self._room.channel.messages.values()]
            number = int(word[1:])
            if not 0 < number <= len(there) or there[number - 1].is_deleted:
                raise Mistake(f"there is no message {word} here")
            return there[number - 1], after.strip()
        for message in reversed(self._room.messages):
            if (message.author is self._network.bot) == by_bot:
                return message, rest
        raise Mistake(
            "the bot has written nothing here" if by_bot else "you wrote nothing here"
        )

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
        if not rest:
            raise Mistake("it needs the thread's name")
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
        if not rest:
            raise Mistake("it needs a name")
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
        name, _, text = rest.partition(" ")
        if not name:
            raise Mistake("it needs the command's name")
        self._room.use(name, {"text": text} if text else {}, by=self._who)

    def file(self, rest: str) -> None:
        """Send a file, with a text."""
        name, _, text = rest.partition(" ")
        if not name:
            raise Mistake("it needs the file's path")
        path = Path(name).expanduser()
        file = self._room.file(path.read_bytes(), path.name)
        self._wrote(self._room.post(text.strip(), files=[file], by=self._who))

    # --- what goes wrong ---

    def drop(self, rest: str) -> None:
        """Cut the bot's connections to the gateway; it may resume."""
        self._network.gateway.drop_all()
        self._say("cut")

    def close(self, rest: str) -> None:
        """Close the bot's connection with a code such as 4000."""
        self._network.gateway.close(_number(rest or "4000"))
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
        self._network.fail_next("create_message", too_many_requests(_number(rest or "3")))
        self._say("the next message is refused: too many requests")

    def fail(self, rest: str) -> None:
        """Let the bot's next request fail with a status such as 502, or `reset`."""
        if rest == "reset":
            self._network.fail_next(None, Fault.RESET)
        else:
            self._network.fail_next(None, page(_number(rest or "502")))
        self._say("the next request fails")

    def list(self, rest: str) -> None:
        """Show what stands in this channel."""
        for message in self._room.messages[-20:]:
            self._say(f"{message.author.name}: {self._shown(message)}")

    def help(self, rest: str) -> None:
        """Show this."""
        self._say("what you type is written to the bot (@bot mentions it); and")
        for word, (usage, command) in COMMANDS.items():
            about = (command.__doc__ or "").strip()
            self._say(f"  {f'{word} {usage}'.strip():24} {about}")
        self._say("  // makes any line a text")

    def quit(self, rest: str) -> None:
        """Stop the network."""
        self.is_over = True


def _number(word: str) -> int:
    if not word.isdecimal():
        raise Mistake(f"{word!r} is no number")
    return int(word)


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
