"""Routes of other benchmarks, driven and scored by their rules: LangCoop, V2Xverse, CARLA leaderboard, InterDrive.

`reading` takes the XML files, `lanes` and `search` find the way on a map, `planning` makes a lane-centre route of a
few waypoints, `layouts` puts the vehicles on it, `scores` and `records` say how it went. See docs/routes.md.
"""
