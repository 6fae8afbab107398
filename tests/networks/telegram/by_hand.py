"""A person at the fake network: lines typed become what people do, and the bot's acts lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from networks.person import Commands, Mistake, Person, needed, path_in, whole
from networks.telegram.chats import Chat, Message, Topic, User
from networks.telegram.errors import page, too_many_requests
from networks.telegram.files import KINDS
from networks.telegram.network import FakeTelegram
from networks.telegram.record import Event
from networks.telegram.rooms import Room
from networks.web import Response

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


class ByHand(Person[Message]):
    """Does what lines say.

    Args:
        network: Where.
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    closing = "anything else with a slash is a text, as /start is; // makes any line one"
    _network: FakeTelegram
    _room: Room

    def __init__(self, network: FakeTelegram, folder: Path, say: Callable[[str], None]) -> None:
        super().__init__(folder, say)
        self._network = network
        self._people: dict[str, User] = {}
        self._who = self._person("Ann")
        self._private = network.private_chat(self._who)
        self._group: Room | None = None
        self._forum: Room | None = None
        self._room = self._private
        self._topic: Topic | None = None
        network.world.record.listeners.append(self.show)

    # --- what the bot does ---

    def show(self, event: Event) -> None:
        """Say what the bot did."""
        where = self._name(event.chat) if event.chat else ""
        message = event.message
        match event.kind:
            case "sent" if message:
                self._say(
                    f"bot in {where} #{message.id}{_reply(message)}: {self._shown(message)}"
                )
            case "edited" if message:
                self._say(f"bot in {where} edits #{message.id}: {self._shown(message)}")
            case "deleted" if message:
                self._say(f"bot in {where} deletes #{message.id}")
            case "reacted" if message:
                emoji = " ".join(str(one.get("emoji", "?")) for one in event.detail)
                self._say(f"bot in {where} reacts to #{message.id}: {emoji or 'no more'}")
            case "action":
                self._say(f"bot in {where} is {event.detail} ...")
            case "draft":
                self._say(f"bot in {where} drafts: {event.detail['text']}")
            case "answered":
                self._say(f"bot answers the button: {event.detail}")

    def _name(self, chat: Chat) -> str:
        if chat.user is None:
            return chat.title or str(chat.id)
        return "private" if chat.user is self._who else f"private with {chat.user.first_name}"

    def _shown(self, message: Message) -> str:
        words = message.text
        if message.entities:
            kinds = ", ".join(one["type"] for one in message.entities)
            words += f"  [{kinds}]"
        for name in KINDS:
            if (file := message.content.get(name)) and message.kind == name:
                largest = file[-1] if name == "photo" else file
                words = f"[{name}: {self._saved(largest['file_id'])}] {words}".rstrip()
        return words

    def _saved(self, file_id: str) -> Path:
        stored = self._network.world.files.get(file_id)
        assert stored
        path = self._folder / Path(stored.path).name
        path.write_bytes(stored.content)
        return path

    # --- what people do ---

    @property
    def commands(self) -> Commands:
        """What can be typed besides texts."""
        return COMMANDS

    def _person(self, name: str) -> User:
        if name not in self._people:
            self._people[name] = self._network.user(name, username=f"{name.lower()}_u")
        return self._people[name]

    def _write(self, text: str, reply_to: Message | None = None) -> None:
        self._wrote(self._room.text(text, by=self._who, reply_to=reply_to, thread=self._topic))

    def _wrote(self, message: Message) -> None:
        words = message.text or f"[{message.kind}]"
        self._say(
            f"{self._who.first_name} in {self._name(message.chat)} #{message.id}"
            f"{_reply(message)}: {words}"
        )

    def _number(self, message: Message) -> str:
        return f"#{message.id}"

    def _find(self, number: int) -> Message | None:
        return self._room.chat.find(number)

    def _is_by_bot(self, message: Message) -> bool:
        return message.is_outgoing

    def _page(self, status: int) -> Response:
        return page(status)

    def private(self, rest: str) -> None:
        """Go to the private chat, and write."""
        self._go(self._network.private_chat(self._who), rest)

    def group(self, rest: str) -> None:
        """Go to the group, and write."""
        if self._group is None:
            self._group = self._network.group("Friends", person=self._who)
            self._group.promote_bot()
        self._go(self._group, rest)

    def topic(self, rest: str) -> None:
        """Go to a topic of the forum, and open it if it is new."""
        needed(rest, "the topic's name")
        if self._forum is None:
            self._forum = self._network.supergroup("Lab", forum=True, person=self._who)
            self._forum.promote_bot()
        try:
            topic = self._forum.find_topic(rest)
        except LookupError:
            topic = self._forum.topic(rest, self._who)
        self._go(self._forum, "", topic)

    def _go(self, room: Room, text: str, topic: Topic | None = None) -> None:
        self._room, self._topic = room, topic
        place = self._name(room.chat) + (f", topic {topic.name}" if topic else "")
        self._say(f"you are {self._who.first_name} in {place}, chat {room.id}")
        if text:
            self._write(text)

    def become(self, rest: str) -> None:
        """Be somebody else."""
        needed(rest, "a name")
        self._who = self._person(rest)
        in_private = self._room.chat.kind == "private"
        room = self._network.private_chat(self._who) if in_private else self._room
        self._go(room, "", self._topic)

    def reply(self, rest: str) -> None:
        """Reply to the bot's last message, or to #N."""
        message, text = self._pick(rest, by_bot=True)
        self._write(text, message)

    def delete(self, rest: str) -> None:
        """Delete your last message, or #N; bots are never told."""
        super().delete(rest)

    def react(self, rest: str) -> None:
        """React to the bot's last message, or to #N; without an emoji take it back."""
        message, emoji = self._pick(rest, by_bot=True)
        self._room.react(message, *emoji.split(), by=self._who)
        self._say(f"reacted to #{message.id}")

    def press(self, rest: str) -> None:
        """Press the button with this data below the bot's last message, or #N."""
        message, text = self._pick(rest, by_bot=True)
        self._room.press(message, text, self._who)

    def send(self, kind: str, rest: str) -> None:
        """Send a file."""
        path, caption = path_in(rest)
        file_name = path.name if kind == "document" else None
        sent = self._room.media(
            kind,
            path.read_bytes(),
            name=file_name,
            caption=caption,
            by=self._who,
            thread=self._topic,
        )
        self._wrote(sent)

    def photo(self, rest: str) -> None:
        """Send a picture, with a caption."""
        self.send("photo", rest)

    def file(self, rest: str) -> None:
        """Send a file, with a caption."""
        self.send("document", rest)

    def voice(self, rest: str) -> None:
        """Send a file as something spoken."""
        self.send("voice", rest)

    def album(self, rest: str) -> None:
        """Send several files as an album."""
        names = needed(rest, "the files' paths").split()
        paths = [Path(name).expanduser() for name in names]
        items = []
        for path in paths:
            kind = "photo" if path.suffix.lower() in PICTURES else "document"
            items.append({"kind": kind, "content": path.read_bytes(), "name": path.name})
        for sent in self._room.album(items, by=self._who, thread=self._topic):
            self._wrote(sent)

    def block(self, rest: str) -> None:
        """Block the bot."""
        self._private_only().block()
        self._say("blocked the bot")

    def unblock(self, rest: str) -> None:
        """Take the block back."""
        self._private_only().unblock()
        self._say("no longer blocks the bot")

    def _private_only(self) -> Room:
        if self._room.chat.kind != "private":
            raise Mistake("only in a private chat: /private")
        return self._room

    def upgrade(self, rest: str) -> None:
        """Turn the group into a supergroup."""
        if self._group is None or self._room is not self._group:
            raise Mistake("only in a group that is none yet: /group")
        if self._group.chat.kind == "supergroup":
            raise Mistake("it is a supergroup already")
        self._group = self._group.upgrade()
        self._go(self._group, "")

    def limit(self, rest: str) -> None:
        """Let the bot's next message be refused for so many seconds."""
        self._network.fail_next("sendMessage", too_many_requests(whole(rest or "3")))
        self._say("the next message is refused: too many requests")

    def list(self, rest: str) -> None:
        """Show what stands in this chat."""
        for message in self._room.messages[-20:]:
            name = message.sender.first_name if message.sender else self._name(message.chat)
            self._say(f"#{message.id} {name}: {message.text or f'[{message.kind}]'}")


def _reply(message: Message) -> str:
    return f" (to #{message.reply_to.id})" if message.reply_to else ""


COMMANDS: dict[str, tuple[str, Callable[[ByHand, str], None]]] = {
    "/private": ("[TEXT]", ByHand.private),
    "/group": ("[TEXT]", ByHand.group),
    "/topic": ("NAME", ByHand.topic),
    "/as": ("NAME", ByHand.become),
    "/reply": ("[#N] TEXT", ByHand.reply),
    "/edit": ("[#N] TEXT", ByHand.edit),
    "/delete": ("[#N]", ByHand.delete),
    "/react": ("[#N] [EMOJI]", ByHand.react),
    "/press": ("[#N] DATA", ByHand.press),
    "/photo": ("PATH [CAPTION]", ByHand.photo),
    "/file": ("PATH [CAPTION]", ByHand.file),
    "/voice": ("PATH", ByHand.voice),
    "/album": ("PATH PATH ...", ByHand.album),
    "/block": ("", ByHand.block),
    "/unblock": ("", ByHand.unblock),
    "/upgrade": ("", ByHand.upgrade),
    "/limit": ("[SECONDS]", ByHand.limit),
    "/fail": ("[STATUS]", ByHand.fail),
    "/list": ("", ByHand.list),
    "/help": ("", ByHand.help),
    "/quit": ("", ByHand.quit),
}
"""By word: what follows it, and what it does."""
