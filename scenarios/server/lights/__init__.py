"""Traffic lights and signs: actors bound to the map's OpenDRIVE signals, and the clockwork of the lights.

`signals` finds them in the map, `actors` are what clients see, `cycle` moves the lights on, `watch` tells
vehicles which light they stand at (`kernel` finds out), `part` puts it together for one episode.
"""
