"""Which sockets have something to read or room to write: epoll where there is one, else what `selectors` finds.

Half of a tick is waiting for sockets, and `selectors` makes a list of named tuples out of what epoll says already.
"""

import select
import selectors
import socket
from typing import Generic, TypeVar

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Owner = TypeVar("Owner")


class Poller(Generic[Owner]):
    """Sockets and who is asked to serve them."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner] = {}
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._selector = None if self._epoll else selectors.DefaultSelector()

    def add(self, sock: socket.socket, owner: Owner) -> None:
        """Watch a socket for something to read."""
        self._owners[sock.fileno()] = owner
        if self._epoll:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        elif self._selector:
            self._selector.register(sock, READ)

    def want(self, sock: socket.socket, mask: int) -> None:
        """Watch it for READ, or for READ | WRITE."""
        if self._epoll:
            self._epoll.modify(sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if mask & WRITE else 0))
        elif self._selector:
            self._selector.modify(sock, mask)

    def drop(self, sock: socket.socket) -> None:
        """Watch it no more."""
        del self._owners[sock.fileno()]
        if self._epoll:
            self._epoll.unregister(sock.fileno())
        elif self._selector:
            self._selector.unregister(sock)

    def wait(self, seconds: float) -> list[tuple[Owner, int]]:
        """Owners of sockets that are ready, and for what; empty after `seconds`."""
        owners = self._owners
        if self._epoll:
            return [(owners[fd], _mask(event)) for fd, event in self._epoll.poll(seconds)]
        assert self._selector is not None
        return [(owners[key.fd], mask) for key, mask in self._selector.select(seconds)]

    def close(self) -> None:
        """Watch nothing."""
        (self._epoll or self._selector).close()  # type: ignore[union-attr] # there is always one of them


def _mask(event: int) -> int:
    """epoll's word for it in READ and WRITE: errors and hang-ups are found out by reading."""
    if event == select.EPOLLIN:
        return READ
    return (WRITE if event & ~select.EPOLLIN else 0) | (READ if event & ~select.EPOLLOUT else 0)
