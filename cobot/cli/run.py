"""`cobot run`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from cobot import __version__
from cobot.cli.logs import set_up_logging
from cobot.cli.options import (
    EXIT_FAILED,
    Opened,
    common_options,
    failing_clearly,
    open_app,
)
from cobot.config import Configuration
from cobot.config.redaction import Redactor
from cobot.errors import first_line
from cobot.ops.control import Control
from cobot.ops.watchdog import Watchdog
from cobot.session import Outcome, Session

log = logging.getLogger(__name__)

YOUNG_OBJECTS = 20_000
"""How many objects are made before the collector of garbage looks at them. Python's 700 are a
few messages, most of which are still on their way when it looks: a tenth of the bot's time."""

GRACE_S = 5.0
"""How much longer than `stop_timeout` a stop may take before it is given up."""


@click.command("run")
@common_options
@click.option(
    "--dry-run", is_flag=True, help="Receive and confirm, but log what would be sent."
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="How the log is written. [default: text]",
)
@click.option("-v", "--verbose", is_flag=True, help="Log everything.")
def command(*, log_format: str | None, verbose: bool, **which: Any) -> None:
    """Run the bot until it is stopped, or until its input has ended.

    Without a configuration it talks on the console, with the echo agent: a line in, a reply
    out. End of input (Ctrl-D) ends it after the last reply. The console runs by itself when
    no other channel is enabled, and beside others with -p console.

    SIGTERM, Ctrl-C and a closed terminal stop receiving, finish what runs within
    stop_timeout (10 s), and exit with 0. A second one exits at once.
    """

    def start_logging(configuration: Configuration, redact: Redactor) -> None:
        settings = configuration.top.log
        level = "debug" if verbose else settings.level
        set_up_logging(level, log_format or settings.format, redact)

    with failing_clearly():
        opened = open_app(**which, on_read=start_logging)
    opened.check()
    # What is loaded stays, and need not be walked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        with (
            failing_clearly(opened.redact),
            asyncio.Runner(loop_factory=_loop_factory()) as runner,
        ):
            code = runner.run(_serve(opened))
    except Exception:  # not left to the interpreter: its traceback would show secrets
        log.critical("cobot itself failed; please report this", exc_info=True)
        code = EXIT_FAILED
    sys.exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes a faster event loop, if `cobot-core[speed]` is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    # Where a standard descriptor is closed, one of uvloop's own would take its place, and
    # uvloop ends the process when it comes to close that.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    return uvloop.new_event_loop


async def _serve(opened: Opened) -> int:
    app = opened.app
    session = app.session()
    control = Control(opened.workspace.root, session, redact=opened.redact)
    channels = ", ".join(plugin.name for plugin in app.plugins.channels)
    agent = f"{app.agent} (none is configured)" if app.agent_is_default else app.agent
    log.info("cobot %s; channels: %s; agent: %s", __version__, channels, agent)
    _stop_on_signals(session, app.configuration.top.stop_timeout)
    asyncio.get_running_loop().set_exception_handler(_log_stray)
    watchdog = Watchdog()
    watchdog.start()
    try:
        async with session:
            # Nobody could find the socket of a workspace that goes with the process.
            if not opened.workspace.is_temporary:
                await control.start()
            try:
                outcome = await session.run()
            finally:
                await control.stop()
    finally:
        watchdog.stop()
    code = _exit_code(outcome)
    if outcome.abandoned:
        log.warning("%d calls of plugins would not stop", outcome.abandoned)
        # The event loop would wait for them for ever.
        opened.workspace.remove()
        sys.stdout.flush()
        os._exit(code)
    return code


def _log_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a task or callback of a plugin's own raised: one line, in full with -v."""
    error = context.get("exception")
    said = f": {first_line(error)}" if isinstance(error, BaseException) else ""
    log.error("%s%s", context.get("message", "a callback failed"), said)
    log.debug("the failure in full: %s", context, exc_info=error)


def _stop_on_signals(session: Session, stop_timeout_s: float) -> None:
    """Stop on the first signal, end at once on the second, also where the loop is blocked.

    Handlers of the interpreter, not of the loop: they run between two instructions of
    whatever blocks it.
    """
    loop = asyncio.get_running_loop()
    asked = 0

    def end(why: str) -> None:
        click.echo(f"cobot: stopped at once: {why}; what ran was not finished", err=True)
        os._exit(EXIT_FAILED)

    def stop(number: int, _frame: object) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            end("asked twice")
        loop.call_soon_threadsafe(log.info, "%s: stopping", signal.Signals(number).name)
        loop.call_soon_threadsafe(session.stop)
        late = threading.Timer(stop_timeout_s + GRACE_S, end, ["the event loop is blocked"])
        late.daemon = True
        late.start()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What our parent had us ignore (nohup, a shell's &) stays ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def _exit_code(outcome: Outcome) -> int:
    if outcome.left:
        log.warning(
            "stopped; messages not answered: %d, answers not delivered: %d",
            outcome.left.jobs,
            outcome.left.operations,
        )
    if outcome.stopped:
        return 0
    return EXIT_FAILED if outcome.failures or outcome.parked else 0
