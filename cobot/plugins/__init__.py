"""Plugins: finding, loading, blocking, refusing and calling them."""

from cobot.plugins.calling import Caller
from cobot.plugins.discovery import Candidate, discover
from cobot.plugins.loading import KNOWN, Loader, Report
from cobot.plugins.registry import Plugin, Plugins, Verdict

__all__ = [
    "KNOWN",
    "Caller",
    "Candidate",
    "Loader",
    "Plugin",
    "Plugins",
    "Report",
    "Verdict",
    "discover",
]
