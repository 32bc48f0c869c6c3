"""The runner's side of the agent hosts: starts them, asks them all at once, notices when one dies."""

from collections.abc import Mapping, Sequence

import zmq

from laco.agents.drivers import facts
from laco.agents.hosts import Host, LocalHost, RemoteHost
from laco.agents.messages import AgentSpec, Announce, Answer, Connect, Listen, Request, Setup, Speak
from laco.agents.observation import Observation, Picture
from laco.closing import Closing
from laco.comm.radio import Fate
from laco.comm.security import Keyring
from laco.comm.security.curve import Curve

START_LIMIT = 60.0  # [s] a host may take to load its model
ANSWER_LIMIT = 60.0  # [s] and to answer anything else,
SLOW_LIMIT = 900.0  # [s] or either where a language model thinks on a shared processor; one that dies is seen at once


class Fleet(Closing):
    """All connected vehicles of a run, spread over hosts. Hosts live on from run to run."""

    def __init__(self, hosts: int, remote: Sequence[str] = (), keys: Keyring | None = None) -> None:
        """hosts: processes to start, at once unless others serve vehicles too. remote: [KEY@]HOST:PORT of those others.

        keys: all sockets use CURVE with them; None for none at all: a run never mixes the two.
        Raises: HostLostError for one of them that does not answer, ConfigError for keys that cannot be used.
        """
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.hosts: list[LocalHost] = []
        self.remote: list[RemoteHost] = []
        self.round = 0
        self._count, self._limit = hosts, ANSWER_LIMIT
        self._where: dict[str, Host] = {}
        self._curve: Curve | None = None
        self.endpoints: dict[str, str] = {}
        self.fingerprint = ""
        try:
            if keys is not None:
                self._curve = Curve(keys, self._context)
            for address in remote:
                self.remote.append(RemoteHost(address, self._context, self._curve))
            if not remote:
                self._start()
        except BaseException:
            self.close()
            raise

    def setup(self, specs: Sequence[AgentSpec], traced: bool = False) -> None:
        """Give every vehicle to a host, open all links. traced: hosts answer with moments too.

        Raises: TransportError naming a link that fails.
        """
        self.round += 1
        slow = any(facts(spec.driver).model is not None for spec in specs)
        self._limit = SLOW_LIMIT if slow else ANSWER_LIMIT
        shares = self._shares(specs)
        self._where = {spec.name: host for host, share in shares.items() for spec in share}
        requests: dict[Host, Request] = {h: Setup(tuple(share), self.round, traced) for h, share in shares.items()}
        answers = self._all(requests, SLOW_LIMIT if slow else START_LIMIT)
        self.endpoints = {name: at for answer in answers for name, at in answer.endpoints.items()}
        self.fingerprint = next(a.fingerprint for a in answers if a.fingerprint)
        keys = {name: host.key for name, host in self._where.items() if host.key}
        self._all(dict.fromkeys(shares, Connect(self.endpoints, keys)), self._limit)

    def announce(self, views: Mapping[str, Observation], pictures: Mapping[str, Picture] | None = None) -> list[Answer]:
        """Beacons out; pictures are for those who look through a camera."""
        shares: dict[Host, dict[str, Observation]] = {}
        for name, view in views.items():
            shares.setdefault(self._where[name], {})[name] = view
        given = pictures or {}
        return self._all(
            {h: Announce(share, {n: given[n] for n in share if n in given}) for h, share in shares.items()}
        )

    def speak(self, fates: Sequence[Fate]) -> list[Answer]:
        """Beacons in, messages out."""
        return self._all(dict.fromkeys(self._everyone(), Speak(tuple(fates))))

    def listen(self, fates: Sequence[Fate]) -> list[Answer]:
        """Messages in, plans out."""
        return self._all(dict.fromkeys(self._everyone(), Listen(tuple(fates))))

    def _shares(self, specs: Sequence[AgentSpec]) -> dict[Host, Sequence[AgentSpec]]:
        """Each host's vehicles: what others serve is theirs, the rest is ours; hosts of ours get none, too."""
        shares: dict[Host, Sequence[AgentSpec]] = {
            host: [spec for spec in specs if spec.name in host.vehicles] for host in self.remote
        }
        taken = {spec.name for share in shares.values() for spec in share}
        ours = [spec for spec in specs if spec.name not in taken]
        if ours:
            self._start()
        for number, host in enumerate(self.hosts):
            shares[host] = ours[number :: len(self.hosts)]
        return shares

    def _start(self) -> None:
        """Our own hosts, unless they are there."""
        while len(self.hosts) < self._count:
            self.hosts.append(LocalHost(len(self.hosts), self._context, self._curve))

    def _everyone(self) -> list[Host]:
        return [*self.remote, *self.hosts]

    def _all(self, requests: Mapping[Host, Request], limit: float | None = None) -> list[Answer]:
        for host, request in requests.items():
            host.ask(request)
        return [host.answer(limit or self._limit) for host in requests]

    def close(self) -> None:
        """End all hosts of ours, let go of the others."""
        for host in self._everyone():
            host.close()
        if self._curve is not None:
            self._curve.close()
        self._context.destroy(0)  # not term: it would wait for a socket whose host never started
