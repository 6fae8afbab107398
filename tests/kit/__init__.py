"""Tests of what channels share; a package, so that they share their helpers."""
