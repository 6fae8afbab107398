"""Answers to commands that people use."""

from __future__ import annotations

from networks.discord import happenings, mentions
from networks.discord.calls import Call
from networks.discord.entities import COMMAND, EPHEMERAL, LOADING, Message, Wire
from networks.discord.errors import ApiError, invalid, unknown
from networks.discord.methods.composing import Draft, apply_edit, draft
from networks.discord.methods.messages import appear
from networks.discord.record import Event
from networks.discord.wires import message_wire
from networks.discord.world import Interaction, World

ANSWER_S = 3.0
"""In which the first answer must be there."""
TOKEN_S = 900.0
"""How long a token lives once that was so."""

PONG, MESSAGE, DEFERRED = 1, 4, 5
KINDS = (PONG, MESSAGE, DEFERRED)


def answer(world: World, call: Call) -> Wire | None:
    """Answer at first: with a message, or that one is to come."""
    interaction = world.interactions.get(call.args["token"])
    if interaction is None or interaction.id != call.args["interaction"]:
        raise unknown("Interaction")
    if interaction.kind is not None:
        raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    if world.clock.monotonic() - interaction.at > ANSWER_S:
        raise unknown("Interaction")
    kind = call.get("type", int)
    if kind not in KINDS:
        raise invalid("type", "BASE_TYPE_CHOICES", f"Value must be one of {KINDS}.")
    inner = _inner(call, call.get("data", dict, {}))
    if kind == MESSAGE:
        interaction.original = _say(world, inner, interaction)
    elif kind == DEFERRED:
        flags = inner.get("flags", int, 0) & EPHEMERAL | LOADING
        waits = Draft(content="", embeds=[], components=[], flags=flags, attachments=[])
        interaction.original = _keep(world, call, interaction, waits)
        happenings.appear(world, interaction.original)
    interaction.kind = kind
    world.note(Event("answered", interaction.channel, interaction.original, kind))
    if call.query.get("with_response", "").lower() not in ("true", "1"):
        return None
    return _described(world, interaction)


def _inner(call: Call, body: Wire) -> Call:
    return Call(
        at=call.at,
        route=call.route,
        http_method=call.http_method,
        path=call.path,
        args=call.args,
        body=body,
        files=call.files,
        headers=call.headers,
    )


def _described(world: World, interaction: Interaction) -> Wire:
    told: Wire = {"id": interaction.id, "type": 2, "activity_instance_id": None}
    told["response_message_loading"] = interaction.kind == DEFERRED
    told["response_message_ephemeral"] = False
    resource: Wire = {"type": interaction.kind}
    if message := interaction.original:
        told["response_message_id"] = message.id
        told["response_message_ephemeral"] = bool(message.flags & EPHEMERAL)
        resource["message"] = message_wire(world, message)
    return {"interaction": told, "resource": resource}


def _say(world: World, call: Call, interaction: Interaction) -> Message:
    """Let an answer appear. Nonces are not looked at here."""
    permitted = mentions.allowed(call)
    said = draft(world, call, interaction.channel)
    said.flags |= call.get("flags", int, 0) & EPHEMERAL
    message = _keep(world, call, interaction, said)
    mentions.ping(world, message, permitted)
    world.note(Event("sent", message.channel, message))
    happenings.appear(world, message)
    return message


def _keep(world: World, call: Call, interaction: Interaction, said: Draft) -> Message:
    owner = {"0": interaction.channel.guild.id} if interaction.channel.guild else {"1": "0"}
    asked = {
        "id": interaction.id,
        "type": 2,
        "name": interaction.name,
        "user": interaction.user.wire(),
        "authorizing_integration_owners": owner,
    }
    said.fields |= {"application_id": world.bot.id, "interaction_metadata": asked}
    message = appear(
        world, call, interaction.channel, said, kind=COMMAND, webhook_id=world.bot.id
    )
    interaction.messages.append(message)
    return message


def _living(world: World, call: Call) -> Interaction:
    """Return the interaction whose token a path has.

    Raises:
        ApiError: There is none, or it is too old, or it was not answered yet.
    """
    interaction = world.interactions.get(call.args["token"])
    if interaction is None or world.clock.monotonic() - interaction.at > TOKEN_S:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if interaction.kind is None or call.args["application"] != world.bot.id:
        raise ApiError(404, 10015, "Unknown Webhook")
    return interaction


def _named(world: World, call: Call) -> tuple[Interaction, Message]:
    interaction = _living(world, call)
    name = call.args["message"]
    found = (one for one in interaction.messages if one.id == name)
    message = interaction.original if name == "@original" else next(found, None)
    if message is None or message.is_deleted:
        raise unknown("Message")
    return interaction, message


def follow_up(world: World, call: Call) -> Wire:
    """Answer once more; after a deferred answer it becomes that one."""
    interaction = _living(world, call)
    first = interaction.original
    if first and first.flags & LOADING and not first.is_deleted:
        _fill(world, call, first)
        return message_wire(world, first)
    return message_wire(world, _say(world, call, interaction))


def get_answer(world: World, call: Call) -> Wire:
    """Return an answer."""
    return message_wire(world, _named(world, call)[1])


def edit_answer(world: World, call: Call) -> Wire:
    """Change an answer, or give the one that was deferred."""
    _, message = _named(world, call)
    if message.flags & LOADING:
        _fill(world, call, message)
        return message_wire(world, message)
    permitted = mentions.allowed(call)
    before = message.content
    apply_edit(world, call, message)
    mentions.ping(world, message, permitted)
    world.note(Event("edited", message.channel, message, before))
    happenings.change(world, message)
    return message_wire(world, message)


def _fill(world: World, call: Call, message: Message) -> None:
    """Give the answer that was deferred."""
    permitted = mentions.allowed(call)
    apply_edit(world, call, message)
    message.flags &= ~LOADING
    mentions.ping(world, message, permitted)
    world.note(Event("sent", message.channel, message))
    happenings.change(world, message)


def delete_answer(world: World, call: Call) -> None:
    """Delete an answer."""
    _, message = _named(world, call)
    world.note(Event("deleted", message.channel, message))
    happenings.vanish(world, message)
