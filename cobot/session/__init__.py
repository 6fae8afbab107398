"""The session: what lies between the channels below and the agent above."""

from cobot.session.channel import ANYTHING
from cobot.session.facade import Options, Session
from cobot.session.handles import Handle
from cobot.session.run import Outcome
from cobot.session.supervisor import State, Supervisor

__all__ = ["ANYTHING", "Handle", "Options", "Outcome", "Session", "State", "Supervisor"]
