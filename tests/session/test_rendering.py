from __future__ import annotations

import threading
from typing import Any

import attrs
import pytest
from fakes import registry
from hypothesis import given, settings
from hypothesis import strategies as st

from cobot import Limits, Media, OutgoingMessage, Rejected, hookimpl
from cobot.session.capabilities import Capabilities
from cobot.session.rendering import LONG, Rendering
from cobot.text import Document, Rendered, flatten, plain_text

PICTURE = Media.from_url("https://pictures.test/1", name="1.png")


class Post:
    """A channel that writes bold text between stars, and escapes other stars."""

    channel = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.threads: set[str] = set()

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        return "id"

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits | None:
        return self.limits

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Any:
        self.threads.add(threading.current_thread().name)
        writers = {"bold": lambda text, _value: f"*{text}*"}
        return Rendered(
            flatten(document).write(writers, lambda text: text.replace("*", "**"))  # type: ignore[arg-type]
        )


class Marking(Post):
    """A channel that takes marks beside the text."""

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Any:
        flat = flatten(document)
        return Rendered(flat.text, [[one.start, one.end, one.kind] for one in flat.marks])


class Failing(Post):
    """A channel whose rendering goes wrong."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def rendering(post: Any, **plugins: Any) -> Rendering:
    """Return what renders for a channel `post`."""
    loaded = registry(post=post, **plugins)
    return Rendering(loaded, Capabilities(loaded))


def message(content: str, **fields: Any) -> OutgoingMessage:
    """Return a message to the channel."""
    return OutgoingMessage("post", "chat", content, **fields)


async def test_a_message_has_the_channels_form_beside_its_plain_text() -> None:
    """`content` is what is read, and `rendered` what the network is given."""
    (part,) = await rendering(Post()).parts(message("a **bold** word, 2*2"))

    assert part.content == "a bold word, 2*2"
    assert Rendered.of(part) == Rendered("a *bold* word, 2**2")


class Plain(Failing):
    """A channel that says that plain text is its own form, and cannot render anything."""

    renders_plain = False

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(AssertionError("it was asked"))
        self.limits = limits


async def test_a_channel_may_leave_plain_text_alone() -> None:
    """Where nothing could be markup it need not be asked, nor is the text parsed."""
    asked = message("just words, and\n\nmore of them: 1 + 1 > 1")

    assert await rendering(Plain()).parts(asked) == [asked]


@pytest.mark.parametrize(
    ("content", "limit"), [("a **bold** word", None), ("- a list", None), ("too long", 5)]
)
async def test_such_a_channel_is_asked_about_everything_else(
    content: str, limit: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """What has markup, or does not fit, goes the usual way."""
    await rendering(Plain(Limits(text=limit))).parts(message(content))

    assert "it was asked" in caplog.text


async def test_who_renders_in_a_channels_place_is_asked_about_plain_text_too() -> None:
    """What a channel says of itself holds for nobody else."""

    class Shouting:
        @hookimpl
        def session_render(self, channel_type: str, document: Document) -> Rendered:
            return Rendered(plain_text(document).upper())

    (part,) = await rendering(Plain(), shouting=Shouting()).parts(message("words"))

    assert Rendered.of(part) == Rendered("WORDS")


async def test_text_whose_form_is_itself_is_left_alone() -> None:
    """A message without markup is stored as it came, and nothing beside it."""
    asked = message("just words")

    assert await rendering(Post()).parts(asked) == [asked]


@pytest.mark.parametrize("content", ["a **bold** word", "* no list", "\n lines \n\n\n kept "])
async def test_plain_text_is_not_read_as_markdown(content: str) -> None:
    """What is sent as plain arrives letter by letter, escaped where the network needs it."""
    (escaped,) = await rendering(Post()).parts(message(content, format="plain"))
    (bare,) = await rendering(registry_without_render()).parts(message(content, format="plain"))

    assert escaped.content == bare.content == content
    assert Rendered.of(escaped).text == content.replace("*", "**")
    assert bare.rendered is None


def registry_without_render() -> Any:
    """Return a channel that takes plain text."""

    class Plain:
        channel = True

        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> str:
            return "id"

    return Plain()


async def test_a_channel_without_a_form_of_its_own_gets_plain_text() -> None:
    """Markup that a network would show as it stands is taken away."""
    (part,) = await rendering(registry_without_render()).parts(message("a **bold** word"))

    assert (part.content, part.rendered) == ("a bold word", None)


async def test_the_form_is_what_is_measured() -> None:
    """What escapes to twice its length is split earlier, and nothing of it is lost."""
    parts = await rendering(Post(Limits(text=10))).parts(message("* " * 12, format="plain"))

    assert all(len(Rendered.of(part).text) <= 10 for part in parts)
    assert "".join(part.content for part in parts).count("*") == 12


async def test_long_texts_are_rendered_in_a_thread_of_their_own() -> None:
    """A book holds nobody up, and a line costs no hop to a thread."""
    post = Post(Limits(text=100))
    renders = rendering(post)
    await renders.parts(message("a *short* text"))
    on_the_loop = {*post.threads}
    post.threads.clear()
    parts = await renders.parts(message("a **long** text " * LONG))
    await renders.close(1.0)

    assert on_the_loop == {threading.current_thread().name}
    assert threading.current_thread().name not in post.threads
    assert "".join(part.content for part in parts).count("long") == LONG


@pytest.mark.parametrize(
    "result",
    [
        ZeroDivisionError("division by zero"),
        "text",
        Rendered("text", marks=object()),
        Rendered("text", marks=[float("nan")]),
    ],
)
async def test_a_channel_that_fails_to_render_gets_plain_text(
    result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A plugin's mistake costs the formatting and not the message."""
    (part,) = await rendering(Failing(result)).parts(message("a **bold** word"))

    assert (part.content, part.rendered) == ("a bold word", None)
    assert "goes out as plain text" in caplog.text


async def test_an_interceptor_may_render_for_a_channel() -> None:
    """A plugin that is no channel is asked first, and may decline."""

    class Loud:
        @hookimpl
        def session_render(self, channel_type: str, document: Document) -> Rendered | None:
            text = plain_text(document)
            return Rendered(text.upper()) if "loud" in text else None

    renders = rendering(Post(), loud=Loud())
    (loud,) = await renders.parts(message("be **loud**"))
    (other,) = await renders.parts(message("be **still**"))

    assert Rendered.of(loud).text == "BE LOUD"
    assert Rendered.of(other).text == "be *still*"


async def test_links_in_place_of_media_are_part_of_what_is_rendered() -> None:
    """The text keeps its formatting, and each link has a line."""
    (part,) = await rendering(Post()).parts(message("**look**", media=[PICTURE]))

    assert part.media == ()
    assert Rendered.of(part).text == "*look*\nhttps://pictures.test/1"


def test_plainly_takes_all_formatting_away() -> None:
    """What a network refuses for its markup has none the next time, but is still escaped."""
    marked = message("2*2 is four", rendered=Rendered("*2*2 is four*").json)

    assert Rendered.of(rendering(Post()).plainly(marked)) == Rendered("2**2 is four")
    assert rendering(Marking()).plainly(marked).rendered is None


@settings(deadline=None)  # the first text with markup imports the parser
@given(content=st.text("a *_b\n"), line=st.sampled_from(["> x\n\n", "* "]))
async def test_a_line_before_a_message_keeps_what_can_be_kept(content: str, line: str) -> None:
    """In front of markup a line is written as markup; where marks point into the text, they
    are given up for it."""
    for post in (Post(), Marking()):
        renders = rendering(post)
        (part,) = await renders.parts(message(content))
        quoted = renders.with_line_before(line, part)

        assert quoted.content == line + part.content
        assert not (isinstance(post, Marking) and quoted.rendered)
        if type(post) is Post:
            expected = line.replace("*", "**") + Rendered.of(part).text
            assert Rendered.of(quoted).text == expected


def test_a_form_that_cannot_be_made_plain_costs_only_the_form() -> None:
    """Also when the network has refused the markup already."""
    marked = message("text", rendered=Rendered("*text*").json)

    assert rendering(Failing(Rejected("post", "render", "no"))).plainly(marked) == attrs.evolve(
        marked, rendered=None
    )
