"""What every part of a session works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import attrs

from cobot.clock import Clock
from cobot.config.settings import AccessSettings, ChannelSettings, SessionSettings
from cobot.journal import Journal
from cobot.plugins import Plugin, Plugins
from cobot.session.capabilities import Capabilities
from cobot.session.outgoing import Outgoing
from cobot.session.rendering import Rendering


@attrs.frozen
class Means:
    """Made once for each run."""

    plugins: Plugins
    """What is loaded."""
    journal: Journal
    """Where everything is kept."""
    settings: SessionSettings
    """The section `plugins.session`."""
    access: Mapping[str, AccessSettings]
    """Who may talk, by channel; a channel that is missing has the defaults."""
    clock: Clock
    """Time."""
    random: Random
    """Chance."""
    redact: Callable[[str], str] = str
    """Takes secrets out of the reasons that the journal keeps."""
    capabilities: Capabilities = attrs.field(init=False)
    """What each channel can do."""
    rendering: Rendering = attrs.field(init=False)
    """Makes of what is said what networks take."""
    outgoing: Outgoing = attrs.field(init=False)
    """Makes operations of what is to be sent."""

    @capabilities.default
    def _ask_plugins(self) -> Capabilities:
        return Capabilities(self.plugins)

    @rendering.default
    def _as_limits_say(self) -> Rendering:
        return Rendering(self.plugins, self.capabilities)

    @outgoing.default
    def _through_filters(self) -> Outgoing:
        return Outgoing(self.plugins, self.capabilities, self.rendering, self.clock)


def channel_settings(plugin: Plugin) -> ChannelSettings:
    """Return the core's keys of a channel's section."""
    settings = plugin.settings
    return settings if isinstance(settings, ChannelSettings) else ChannelSettings()
