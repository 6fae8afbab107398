"""Keys: where they come from, and that nobody sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cobot import PluginError
from cobot.testing import make_context
from cobot_nostr import Nostr, NostrSettings
from cobot_nostr.commands import cli
from cobot_nostr.crypto import Signer
from cobot_nostr.identity import read_key_file, write_key_file

SIGNER = Signer.generate()
RELAYS = ("wss://relay.example",)


def test_keygen_shows_the_key_once() -> None:
    """Without a file the key is shown, and it is one."""
    result = CliRunner().invoke(cli, ["keygen"])
    shown = dict(line.split() for line in result.output.splitlines())

    assert result.exit_code == 0
    assert Signer.parse(shown["nsec:"]).npub == shown["npub:"]


def test_keygen_into_a_file_shows_only_who_it_is(tmp_path: Path) -> None:
    """The file is its owner's alone, and the key is nowhere else."""
    path = tmp_path / "key"
    made = CliRunner().invoke(cli, ["keygen", "--file", str(path)])
    told = CliRunner().invoke(cli, ["whoami", "--file", str(path)])

    assert path.stat().st_mode & 0o777 == 0o600
    assert "nsec" not in made.output
    assert made.output == told.output
    assert read_key_file(path).npub in made.output


def test_keygen_overwrites_no_key(tmp_path: Path) -> None:
    """A key that is lost is an identity that is lost."""
    path = tmp_path / "key"
    write_key_file(path, SIGNER)
    result = CliRunner().invoke(cli, ["keygen", "--file", str(path)])

    assert result.exit_code == 1
    assert "File exists" in result.output
    assert read_key_file(path).pubkey == SIGNER.pubkey


@pytest.mark.parametrize("form", ["nsec", "hex"])
def test_whoami_reads_the_variable(form: str) -> None:
    """The key may be written in both forms, and only the public one is shown."""
    signer = Signer.parse("1" * 64)
    secret = signer.nsec() if form == "nsec" else "1" * 64
    result = CliRunner().invoke(cli, ["whoami"], env={"NOSTR_NSEC": secret})

    assert result.output == f"npub: {signer.npub}\nhex:  {signer.pubkey}\n"


def test_whoami_says_what_is_missing_or_wrong() -> None:
    """Errors name the variable and never what is in it."""
    missing = CliRunner().invoke(cli, ["whoami"], env={"NOSTR_NSEC": None})
    wrong = CliRunner().invoke(cli, ["whoami"], env={"NOSTR_NSEC": "nsec1wrong"})

    assert missing.exit_code == 2
    assert "$NOSTR_NSEC is not set" in missing.output
    assert wrong.exit_code == 1
    assert "expected a secret key" in wrong.output
    assert "nsec1wrong" not in wrong.output


def test_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The error says how to mend it."""
    path = tmp_path / "key"
    write_key_file(path, SIGNER)
    path.chmod(0o640)

    with pytest.raises(ValueError, match=r"can be read by others \(mode 0640\); run: chmod"):
        read_key_file(path)


def test_channel_reads_its_key_from_a_file(tmp_path: Path) -> None:
    """`nsec_file` stands for `nsec`; whose key it is can be required."""
    path = tmp_path / "key"
    write_key_file(path, SIGNER)
    settings = NostrSettings(nsec_file=str(path), relays=RELAYS, npub=SIGNER.npub)
    Nostr(settings, make_context())
    foreign = NostrSettings(nsec_file=str(path), relays=RELAYS, npub=Signer.generate().npub)

    with pytest.raises(PluginError, match="but the secret key is that of"):
        Nostr(foreign, make_context())
    swapped = NostrSettings(nsec_file=str(path), relays=RELAYS, npub=SIGNER.nsec())
    with pytest.raises(PluginError, match="npub is no public key") as caught:
        Nostr(swapped, make_context())
    assert SIGNER.nsec() not in str(caught.value)
    with pytest.raises(PluginError, match="No such file"):
        Nostr(NostrSettings(nsec_file=str(tmp_path / "no"), relays=RELAYS), make_context())


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "expected either nsec or nsec_file"),
        ({"nsec_file": "x", "relays": ()}, "expected at least one relay"),
        ({"nsec_file": "x", "relays": ("https://x.example",)}, "expected relays such as"),
        (
            {"nsec_file": "x", "blossom": ("files.example",)},
            "expected an address such as https://blossom.example",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: dict[str, object], complaint: str
) -> None:
    """What is wrong is said with what would be right."""
    with pytest.raises(ValueError, match=complaint):
        NostrSettings(**{"relays": RELAYS, **settings})  # type: ignore[arg-type]
