"""Tests of `cobot.testing`, and the small network that they run over."""
