"""Which IP addresses belong to the internet. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052, section 2.1
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # older Pythons call a part of it global


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the internet, and to nobody's own network."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # Ways to write an IPv4 address, which is what is reached.
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.sixtofour is not None or ip.teredo is not None or ip.is_site_local:
            return False  # tunnels and private networks of a kind that is long out of use
    elif ip in _PROTOCOLS:
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def within(networks: Collection[str]) -> Callable[[str], bool]:
    """Return a guard that allows the internet, and besides these networks.

    Args:
        networks: As `192.168.1.0/24` or `::1`.
    """
    extra = [ipaddress.ip_network(one) for one in networks]

    def allows(address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return is_public(address) or any(ip in network for network in extra)

    return allows
