"""Sockets on this machine's own address, which no other machine can reach."""

from __future__ import annotations

import socket


HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """Open a listening socket, so that its port is known and connections wait from now on.

    The protocol is named because asyncio turns Nagle's algorithm off only where it is: with it,
    each answer of a head and a body takes 40 ms (`_set_nodelay` in asyncio/base_events.py).

    Raises:
        OSError: The port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def port_of(listening: socket.socket) -> int:
    """Return the port that was taken."""
    return int(listening.getsockname()[1])
