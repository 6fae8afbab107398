"""`cobot run`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Any

import click

from cobot import __version__
from cobot.cli.logs import Redactor, set_up_logging
from cobot.cli.options import (
    EXIT_FAILED,
    Opened,
    common_options,
    failing_clearly,
    open_app,
)
from cobot.config import Configuration
from cobot.session import Outcome, Session

log = logging.getLogger(__name__)


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
    with failing_clearly(opened.redact):
        code = asyncio.run(_serve(opened))
    sys.exit(code)


async def _serve(opened: Opened) -> int:
    app = opened.app
    session = app.session()
    channels = ", ".join(plugin.name for plugin in app.plugins.channels)
    agent = f"{app.agent} (none is configured)" if app.agent_is_default else app.agent
    log.info("cobot %s; channels: %s; agent: %s", __version__, channels, agent)
    _stop_on_signals(session)
    outcome = await session.run()
    code = _exit_code(outcome)
    if outcome.abandoned:
        log.warning("%d calls of plugins would not stop", outcome.abandoned)
        # The event loop would wait for them for ever.
        opened.workspace.remove()
        sys.stdout.flush()
        os._exit(code)
    return code


def _stop_on_signals(session: Session) -> None:
    loop = asyncio.get_running_loop()
    asked = 0

    def stop(name: str) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            click.echo("cobot: stopped at once; what ran was not finished", err=True)
            os._exit(EXIT_FAILED)
        log.info("%s: stopping", name)
        session.stop()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What our parent had us ignore (nohup, a shell's &) stays ignored.
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels the run
            loop.add_signal_handler(number, stop, name)


def _exit_code(outcome: Outcome) -> int:
    if outcome.left:
        log.warning(
            "stopped with %d messages not answered and %d not delivered",
            outcome.left.jobs,
            outcome.left.operations,
        )
    if outcome.stopped:
        return 0
    return EXIT_FAILED if outcome.failures or outcome.parked else 0
