"""Runs the real process against a network of the tests, and kills, stops and starves it."""
