"""Rules of the road that the CARLA leaderboard scores besides collisions: red lights, stop signs, the own lane.

A `Referee` watches a run from the client: lights by their state in the snapshot, lanes by the client's copy of the
map. No call to the server after the start.
"""
