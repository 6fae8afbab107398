"""Tests of HTTP, on real sockets."""
