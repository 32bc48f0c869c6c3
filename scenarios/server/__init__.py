"""An embedded CARLA-protocol server: the unmodified `carla` 0.9.16 client connects to it, no simulator
needed.

`world.World` is the simulated world as a plain class, without sockets; `simulation.Simulation` adds what a
client may configure (settings, weather, maps); `server.Server` puts both behind two TCP ports;
`launch.WorldProcess` runs all of it in a child process.
"""
