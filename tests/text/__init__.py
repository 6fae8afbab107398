"""Tests of what texts become on their way to a network."""
