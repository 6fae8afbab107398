"""Reaching the bot that owns a workspace, or being it for a moment if there is none."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import Any, TypeVar

import click

from cobot.cli.logs import set_up_logging
from cobot.cli.options import (
    EXIT_CONFIG,
    Opened,
    fail,
    failing_clearly,
    open_app,
)
from cobot.cli.printing import printable
from cobot.errors import ConfigError, WorkspaceInUse
from cobot.journal.keys import random_key
from cobot.messages import Json
from cobot.ops.client import NoAnswer, NobodyThere, Unanswered, ask
from cobot.ops.orders import (
    EXIT_WAITING,
    STORING_S,
    Request,
    Response,
    carry_out,
    waiting,
)

F = TypeVar("F", bound=Callable[..., Any])

NUMBER = re.compile(r"-\d+")

ANSWER_S = 10.0
"""How long a bot may take to answer what takes no time, and to say that time is up."""

AGAIN_S = 0.1
"""When to look again for a bot that is just starting or ending."""


class CommandWithIds(click.Command):
    """A command whose arguments may be ids: `-1001234567890` is a chat and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what begins with a dash and is no number must be an option."""
        self.make_parser(ctx).parse_args([NUMBER.sub("0", one) for one in args])
        ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)


def delivery_options(command: F) -> F:
    """Add the options of what sends."""
    for option in (
        click.option(
            "-v", "--verbose", is_flag=True, help="Log everything, if no bot runs to send it."
        ),
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0),
            default=30.0,
            show_default=True,
            help="How long to wait for the delivery.",
        ),
        click.option(
            "--key",
            metavar="KEY",
            help="Makes it one message, however often it is sent; 1 to 25 of A-Z a-z 0-9 -."
            " [default: a new one]",
        ),
    ):
        command = option(command)
    return command


def content_of(text: str) -> str:
    """Return the text of a message: standard input if it is `-`."""
    if text != "-":
        return text
    try:
        piped = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input is not UTF-8 at byte {error.start}") from None
    # The end that `echo` puts there is nobody's text.
    return piped.removesuffix("\n").removesuffix("\r")


@contextmanager
def from_arguments() -> Iterator[None]:
    """Have what an argument cannot be made into count as wrong usage."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(printable(str(error))) from None


def open_bot(**which: Any) -> Opened:
    """Open the bot that the options name, whether or not it could run.

    Who looks for what is wrong has, as often as not, a configuration that is wrong, or an
    environment without the tokens.
    """
    with failing_clearly():
        opened = open_app(**which)
        if opened.workspace.is_temporary:
            fail(
                "there is no workspace to ask: no configuration is here, and none is named;"
                " name the bot's with -c FILE or --workspace DIR",
                EXIT_CONFIG,
            )
        about = ("--workspace", "$COBOT_WORKSPACE", "workspace")
        problems = opened.app.configuration.problems
        faults = [one for one in problems if one.path in about]
        if faults:
            raise ConfigError(*faults)
    return opened


def deliver(
    opened: Opened, request: Request, *, key: str | None, timeout_s: float, verbose: bool
) -> Json:
    """Have something sent, by the bot that runs or else by ourselves; return what came of it.

    Ends the command, with the reason, if nothing did.
    """
    # Made here: a bot may end while we wait, and who asks again asks for the same message.
    key = key or random_key(SystemRandom())

    def send_ourselves(request: Request) -> Response:
        opened.check()
        set_up_logging("debug" if verbose else "warning", "text", opened.redact)
        return _in_loop(_send_ourselves(opened, request))

    return _carried_out(opened, {**request, "key": key}, send_ourselves, timeout_s)


def note(opened: Opened, request: Request) -> Json:
    """Have something noted in the journal, by the bot that runs or else by ourselves."""

    def note_ourselves(request: Request) -> Response:
        opened.check()
        set_up_logging("warning", "text", opened.redact)
        return asyncio.run(_note_ourselves(opened, request))

    return _carried_out(opened, request, note_ourselves, ANSWER_S)


def _carried_out(
    opened: Opened,
    request: Request,
    do_ourselves: Callable[[Request], Response],
    timeout_s: float,
) -> Json:
    deadline = time.monotonic() + timeout_s
    response: Response = {}
    with failing_clearly(opened.redact):
        while not response:
            left_s = max(deadline - time.monotonic(), 0.0)
            now = {**request, "timeout_s": left_s}
            try:
                response = ask(opened.workspace.root, now, max(left_s, STORING_S) + ANSWER_S)
            except NobodyThere:
                response = _unless_in_use(do_ourselves, now)
            except Unanswered as error:
                if error.stored is not None:
                    # Who went on by ourselves now would keep the bot from starting again.
                    fail(f"{error}; {waiting(error.stored)}", EXIT_WAITING)
                if isinstance(error, NoAnswer) or not left_s:
                    raise
            if not response:
                time.sleep(AGAIN_S)
    if "error" in response:
        fail(printable(opened.redact(response["error"])), response["code"])
    return response["ok"]


def _unless_in_use(do_ourselves: Callable[[Request], Response], request: Request) -> Response:
    """Do what is asked; nothing if somebody is about to leave, or to serve the socket."""
    try:
        return do_ourselves(request)
    except WorkspaceInUse:
        if not request["timeout_s"]:
            raise
        return {}


async def _note_ourselves(opened: Opened, request: Request) -> Response:
    async with opened.app.session() as session:
        return await carry_out(session, request)


async def _send_ourselves(opened: Opened, request: Request) -> tuple[Response, int]:
    """Carry something out; return also how many calls of plugins would not end."""
    async with opened.app.session() as session:
        running = asyncio.create_task(session.run(receive=False))
        await asyncio.sleep(0)  # until it takes messages
        carrying = asyncio.create_task(carry_out(session, request))
        try:
            await asyncio.wait({running, carrying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            carrying.cancel()  # unless it is done
            session.stop()
            outcome = await running
        return carrying.result(), outcome.abandoned


def _in_loop(work: Coroutine[Any, Any, tuple[Response, int]]) -> Response:
    """Run something in a loop that is left behind if calls of plugins would not end."""
    runner = asyncio.Runner()
    abandoned = 0
    try:
        response, abandoned = runner.run(work)
    finally:
        if not abandoned:
            runner.close()  # which waits for all of them
    return response
