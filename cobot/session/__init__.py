"""The session: what lies between the channels below and the agent above."""

from cobot.session.facade import Outcome, Session
from cobot.session.supervisor import State, Supervisor

__all__ = ["Outcome", "Session", "State", "Supervisor"]
