"""A vehicle from its parts: what the runner's hosts and the servers of other evaluators both make."""

from laco.agents.agent import GUARD, Agent
from laco.agents.channels.base import Channel
from laco.agents.messages import AgentSpec
from laco.comm.handshake import Terms
from laco.comm.mesh import Mesh


def assemble(spec: AgentSpec, channel: Channel, mesh: Mesh, guard: float = GUARD, period: float | None = None) -> Agent:
    """The vehicle of `spec` on its sockets, which from now on tell peers what its channel reads.

    guard, period: see `Agent`. Links that are open already need a `Mesh.reset` to tell.
    """
    mesh.terms = Terms(fingerprint=channel.driver.fingerprint, offers=channel.offers, codecs=channel.codecs)
    return Agent(spec.name, channel, mesh, guard, spec.chunk_bytes, period)
