"""Calibration: what of a cache carries content, and what only disturbs; for one backbone, on its own texts.

`scenes` makes the texts, `reading` turns them into contexts, `measure` plays sender and receiver, `candidates`
lists what is tried, `choose` picks, `curves` draws. Set A is for calibrating, set B for judging once.
"""
