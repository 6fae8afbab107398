"""Tests of the Discord channel, against a fake Discord on real sockets."""
