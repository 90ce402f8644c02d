"""A loopback server for boxes that speak in binary frames: one request, one reply."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.twin.base import Twin

GARBAGE = bytes.fromhex("de ad be ef 00 55 aa 55 aa 00 ff ff")


class FrameServer:
    """Serves every connection from a thread of its own, with the box's faults.

    `missing` says how many bytes a request still lacks, given those that have come;
    `answer` acts on a whole request and returns the reply, or nothing.
    """

    def __init__(self, twin: Twin, missing: Callable[[bytes], int], answer: Callable[[bytes], bytes]) -> None:
        self._twin = twin
        self._missing = missing
        self._answer = answer
        self._listening = False
        self._sessions: list[tuple[socket.socket, threading.Thread]] = []

    def start(self) -> int:
        """Listen on a free port of 127.0.0.1 and return it."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listening = True
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        port: int = self._listener.getsockname()[1]
        return port

    def stop(self) -> None:
        """Close every connection and wait for every thread."""
        self._refuse()
        for session, thread in self._sessions:
            with suppress(OSError):
                session.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _refuse(self) -> None:
        """Accept no connection any more."""
        if self._listening:
            self._listening = False
            with suppress(OSError):  # wakes accept(), which a close alone does not on every system
                socket.create_connection(self._listener.getsockname(), timeout=1.0).close()
            self._acceptor.join()

    def _accept(self) -> None:
        with self._listener:
            while True:
                session, _ = self._listener.accept()
                if not self._listening:
                    session.close()
                    return
                thread = threading.Thread(target=self._serve, args=(session,), daemon=True)
                self._sessions.append((session, thread))
                thread.start()

    def _serve(self, session: socket.socket) -> None:
        session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        with session, suppress(ConnectionError):  # the client may go at any time
            while True:
                if lacking := self._missing(request):
                    chunk = session.recv(lacking)
                    if not chunk:
                        return
                    request += chunk
                    continue
                now, faults = self._twin.world.now(), self._twin.faults
                if now >= faults.drops_after:
                    self._refuse()
                    return
                reply = self._answer(request)
                request = b""
                if now < faults.silent_after:
                    session.sendall(GARBAGE if now >= faults.garbage_after else reply)
