"""--offline as a guarantee: after `forbid_network()` no code in this process can open a network connection.

Sockets of the operating system (AF_UNIX) stay usable; everything else raises OfflineError before a packet leaves.
"""

from __future__ import annotations

import os
import socket
from typing import Any, NoReturn

from dsvl2_cli.errors import OfflineError

_HINT = "run without --offline if this is wanted; reading documents never needs the network"


def forbid_network() -> None:
    """Make `connect` on anything but a local socket raise, and tell Hugging Face's libraries to stay offline."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    if getattr(socket.socket, "dsvl2_guarded", False):
        return

    real = socket.socket

    class GuardedSocket(real):  # type: ignore[misc, valid-type]
        """A socket that only connects inside this machine's kernel."""

        dsvl2_guarded = True

        def connect(self, address: Any) -> None:
            self._check(address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            self._check(address)
            return int(super().connect_ex(address))

        def sendto(self, data: Any, *rest: Any) -> int:
            self._check(rest[-1] if rest else None)
            return int(super().sendto(data, *rest))

        def _check(self, address: Any) -> None:
            if self.family != getattr(socket, "AF_UNIX", None):
                refuse(address)

    socket.socket = GuardedSocket  # type: ignore[misc]
    # Asking for a name's address sends packets too.
    for lookup in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        setattr(socket, lookup, lambda host, *rest, **more: refuse(host))


def refuse(address: Any) -> NoReturn:
    """Raise OfflineError naming the address."""
    raise OfflineError(f"a network connection to {address!r} was refused: --offline is on", _HINT)
