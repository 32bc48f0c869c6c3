"""What development may draw from."""

FIRST_SEED = 1000
"""Layout seeds below belong to the tests."""

HELD_OUT = ("red-light-runner", "blind-curve")
"""Kinds of scenario that the shipped weights have never seen."""
