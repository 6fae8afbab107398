"""Tests of the Telegram channel, against a fake Telegram on real sockets."""
