"""Connect one agent to many chat networks.

The public names live here and are loaded when first asked for: imports are most of what
starting a command line costs, and most commands need few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cobot.clock import Clock
    from cobot.config.values import Id, Secret
    from cobot.context import Context
    from cobot.errors import (
        AuthFailed,
        ChannelError,
        ChatGone,
        CobotError,
        ConfigError,
        DeliveryUnknown,
        Forbidden,
        JournalError,
        MessageNotFound,
        PluginError,
        RateLimited,
        Rejected,
        TokenInUse,
        UnknownChannel,
        Unreachable,
        Unsupported,
    )
    from cobot.hookspecs import (
        DROP,
        AgentSpec,
        AppSpec,
        ChannelSpec,
        Conversation,
        Refuse,
        SessionSpec,
        Status,
        hookimpl,
    )
    from cobot.limits import Limits
    from cobot.messages import (
        Address,
        Batch,
        ChatMoved,
        IncomingMessage,
        Item,
        Media,
        MessageDeleted,
        MessageEdited,
        MessageRef,
        OutgoingMessage,
        ReactionChanged,
        Receipt,
    )
    from cobot.opening import Session

__version__ = "0.1.0"

__all__ = [
    "DROP",
    "Address",
    "AgentSpec",
    "AppSpec",
    "AuthFailed",
    "Batch",
    "ChannelError",
    "ChannelSpec",
    "ChatGone",
    "ChatMoved",
    "Clock",
    "CobotError",
    "ConfigError",
    "Context",
    "Conversation",
    "DeliveryUnknown",
    "Forbidden",
    "Id",
    "IncomingMessage",
    "Item",
    "JournalError",
    "Limits",
    "Media",
    "MessageDeleted",
    "MessageEdited",
    "MessageNotFound",
    "MessageRef",
    "OutgoingMessage",
    "PluginError",
    "RateLimited",
    "ReactionChanged",
    "Receipt",
    "Refuse",
    "Rejected",
    "Secret",
    "Session",
    "SessionSpec",
    "Status",
    "TokenInUse",
    "UnknownChannel",
    "Unreachable",
    "Unsupported",
    "__version__",
    "hookimpl",
]

_HOMES = {
    "cobot.clock": ("Clock",),
    "cobot.config.values": ("Id", "Secret"),
    "cobot.context": ("Context",),
    "cobot.errors": (
        "AuthFailed",
        "ChannelError",
        "ChatGone",
        "CobotError",
        "ConfigError",
        "DeliveryUnknown",
        "Forbidden",
        "JournalError",
        "MessageNotFound",
        "PluginError",
        "RateLimited",
        "Rejected",
        "TokenInUse",
        "UnknownChannel",
        "Unreachable",
        "Unsupported",
    ),
    "cobot.hookspecs": (
        "DROP",
        "AgentSpec",
        "AppSpec",
        "ChannelSpec",
        "Conversation",
        "Refuse",
        "SessionSpec",
        "Status",
        "hookimpl",
    ),
    "cobot.limits": ("Limits",),
    "cobot.messages": (
        "Address",
        "Batch",
        "ChatMoved",
        "IncomingMessage",
        "Item",
        "Media",
        "MessageDeleted",
        "MessageEdited",
        "MessageRef",
        "OutgoingMessage",
        "ReactionChanged",
        "Receipt",
    ),
    "cobot.opening": ("Session",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module 'cobot' has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
