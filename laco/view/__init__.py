"""A person can watch: a page that shows any CARLA server from above, live, in a browser on this machine.

The viewer is an ordinary client in a process of its own: it costs the server one listener of the episode
stream, never ticks, and changes nothing. `scene` is what is drawn once per map, `snapshot` what moves,
`watcher` the client, `board` the newest picture, `server` the page; `launch` starts it all as a child process.
"""
