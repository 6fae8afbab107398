from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot.net.addresses import is_public, within


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "149.154.167.220",
        "2606:4700:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",  # 1.1.1.1 through a translator
    ],
)
def test_the_internet_is_public(address: str) -> None:
    """What anybody can reach may be fetched from."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "fe80::1%eth0",
        "ff02::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:db8::1",
    ],
)
def test_everything_else_is_not(address: str) -> None:
    """This machine, its neighbours, and what is reserved are nobody's business."""
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_in_any_form(address: ipaddress.IPv4Address) -> None:
    """However an IPv4 address is written as one of IPv6, it is the same."""
    number = int(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) + number)
    translated = ipaddress.IPv6Address((0x64FF9B << 96) + number)

    assert is_public(str(mapped)) == is_public(str(translated)) == is_public(str(address))


def test_a_network_can_be_allowed_besides() -> None:
    """Who has a server of his own at home says so."""
    allows = within(["192.168.1.0/24", "::1"])

    assert allows("192.168.1.7")
    assert allows("::1")
    assert allows("1.1.1.1")
    assert not allows("192.168.2.7")
    assert not allows("127.0.0.1")
