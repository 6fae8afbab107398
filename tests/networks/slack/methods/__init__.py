"""The methods of the Web API that the network knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from networks.slack.calls import Call
from networks.slack.chats import Wire
from networks.slack.methods import asking, changing, media, sending
from networks.slack.world import World

Do: TypeAlias = Callable[[World, Call], Wire]
"""Does a call and returns its answer, or raises an `ApiError`."""


@attrs.frozen
class Method:
    """A method."""

    do: Do
    tier: int | None = None
    """Of its rate limit; None: it has another one."""
    scope: str = ""
    """What its token needs; empty: nothing, or it depends."""
    takes_json: bool = False
    """Whether a body may be JSON. Else what is JSON counts as not given."""


METHODS: dict[str, Method] = {
    "auth.test": Method(asking.auth_test, takes_json=True),
    "users.info": Method(asking.users_info, 4, "users:read"),
    "users.list": Method(asking.users_list, 2, "users:read"),
    "users.getPresence": Method(asking.get_presence, 3, "users:read"),
    "users.setPresence": Method(changing.set_presence, 2, "users:write", takes_json=True),
    "bots.info": Method(asking.bots_info, 3, "users:read"),
    "chat.postMessage": Method(sending.post_message, None, "chat:write", takes_json=True),
    "chat.postEphemeral": Method(sending.post_ephemeral, 4, "chat:write", takes_json=True),
    "chat.update": Method(sending.update, 3, "chat:write", takes_json=True),
    "chat.delete": Method(sending.delete, 3, "chat:write", takes_json=True),
    "chat.getPermalink": Method(sending.get_permalink),
    "reactions.add": Method(changing.reactions_add, 3, "reactions:write", takes_json=True),
    "reactions.remove": Method(
        changing.reactions_remove, 2, "reactions:write", takes_json=True
    ),
    "reactions.get": Method(changing.reactions_get, 3, "reactions:read"),
    "conversations.history": Method(asking.conversations_history, 3),
    "conversations.replies": Method(asking.conversations_replies, 3),
    "conversations.info": Method(asking.conversations_info, 3),
    "conversations.list": Method(asking.conversations_list, 2),
    "conversations.members": Method(asking.conversations_members, 4),
    "conversations.open": Method(changing.conversations_open, 3, "im:write", takes_json=True),
    "conversations.join": Method(
        changing.conversations_join, 3, "channels:join", takes_json=True
    ),
    "assistant.threads.setStatus": Method(
        changing.set_status, None, "chat:write", takes_json=True
    ),
    "files.getUploadURLExternal": Method(media.get_upload_url, 4, "files:write"),
    "files.completeUploadExternal": Method(media.complete_upload, 4, "files:write"),
    "files.info": Method(media.files_info, 4, "files:read"),
}
"""All but `apps.connections.open`, which wants the app's token."""
