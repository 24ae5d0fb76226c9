from __future__ import annotations

import asyncio
import socket

import pytest

from daemon.loopback import listen, port_of


def test_only_this_machine_can_call():
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_an_error_and_leaves_nothing_open():
    with listen(0) as listening, pytest.raises(OSError, match="in use"):
        listen(port_of(listening))


def test_an_answer_in_two_writes_does_not_wait_for_an_acknowledgement():
    """The connections that asyncio makes of it are without Nagle's algorithm."""

    async def of_a_connection() -> int:
        told = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            told.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen(0)
        async with await asyncio.start_server(answer, sock=listening):
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(listening))
            nodelay = await told
            writer.close()
        return int(nodelay)

    assert asyncio.run(of_a_connection()) == 1
