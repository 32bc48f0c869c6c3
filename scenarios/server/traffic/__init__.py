"""Cars and people that SUMO moves in the server's process: ordinary actors for clients, by the `[traffic]` extra.

`sumo` starts it, `network` and `cast` say where one can drive and with what, `demand` keeps their number, `puppets`
moves our actors as SUMO's move, `mirror` shows SUMO everyone else, `signals` our lights, `mishaps` our crashes,
`part` puts it together for one episode.
"""
