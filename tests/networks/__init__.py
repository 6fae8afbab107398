"""Fake networks: real servers on localhost that keep the rules of chat networks."""
