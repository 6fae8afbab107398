"""How a check says what is wrong."""

from __future__ import annotations


class ContractBroken(AssertionError):
    """A channel breaks a rule of the contract, or its adapter one of the suite's."""

    def __init__(self, rule: str, found: str, remedy: str, said: str = "") -> None:
        """Describe it.

        Args:
            rule: What must be so, a sentence without its stop.
            found: What is so instead.
            remedy: What to do.
            said: What the session logged meanwhile; may be empty.
        """
        text = f"{rule}, but {found}; {remedy}"
        super().__init__(f"{text}\nThe session said:\n{said}" if said else text)
        self.rule = rule
        """What must be so."""
