"""`cobot nostr`: keys, without a configuration."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def cli() -> None:
    """Keys for the Nostr channel."""


@cli.command()
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Put the secret key into this new file, and show only the public one.",
)
def keygen(path: Path | None) -> None:
    """Make a new key.

    Without --file the secret key is shown, this once: keep it where nobody else reads it.
    """
    from cobot_nostr.crypto import Signer  # loading it takes a tenth of a second
    from cobot_nostr.identity import write_key_file

    signer = Signer.generate()
    if path is None:
        click.echo(f"nsec: {signer.nsec()}")
    else:
        try:
            write_key_file(path, signer)
        except OSError as error:
            reason = f"the key file {str(path)!r} cannot be made: {error.strerror}"
            raise click.ClickException(reason) from error
    click.echo(f"npub: {signer.npub}")
    click.echo(f"hex:  {signer.pubkey}")


@cli.command()
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The key file; else the key is read from the variable.",
)
@click.option(
    "--variable",
    default="NOSTR_NSEC",
    show_default=True,
    help="The environment variable that has the secret key.",
)
def whoami(path: Path | None, variable: str) -> None:
    """Show whose key it is, and never the key."""
    import os

    from cobot_nostr.crypto import BadKey, Signer
    from cobot_nostr.identity import read_key_file

    try:
        if path is not None:
            signer = read_key_file(path)
        else:
            text = os.environ.get(variable)
            if text is None:
                raise click.UsageError(f"${variable} is not set; set it, or give --file")
            try:
                signer = Signer.parse(text)
            except BadKey as error:
                raise ValueError(f"${variable}: {error}") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"npub: {signer.npub}")
    click.echo(f"hex:  {signer.pubkey}")
