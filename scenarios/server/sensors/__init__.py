"""Sensors: one file per kind. `base.py` says what a sensor is, `suite.py` which ones look at a frame.

A sensor's noise and its place in time depend on the frame alone, never on when someone began to listen: the
same frame of the same run gives the same bytes.
"""
