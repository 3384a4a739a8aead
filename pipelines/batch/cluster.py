"""A batch on a Ray cluster: find or start one, and the workers there. Importing this loads no Ray."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass

from dsvl2.pipelines.batch.ray_hands import SEATS, RayHands

REACH_SECONDS = 10.0
START_TRIES = 3
"""Ray gives up after 30 seconds, which a machine that is busy with something else may well take."""
__all__ = ["SEATS", "Cluster", "RayHands", "connect", "leave"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster has to offer. `own`: it was started here and ends with this process."""

    gpus: int
    cpus: int
    own: bool


def connect(address: str | None, *, cpus: int) -> Cluster:
    """Join the cluster at `address` ("auto": the one of this machine), or start one here with so many places for CPU work.

    Without an address RAY_ADDRESS is obeyed. No usage statistics are sent.

    Raises:
        ImportError: Ray is not installed. ConnectionError: there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray 2.6x warns of otherwise
    import ray

    wanted = address or os.environ.get("RAY_ADDRESS")
    if wanted is not None:
        _knock(wanted)
    here = {"num_cpus": cpus, "include_dashboard": False} if wanted is None else {"address": wanted}
    for left in reversed(range(1 if wanted else START_TRIES)):
        try:
            ray.init(**here, log_to_driver=False, logging_level=logging.ERROR)
            break
        except Exception as error:  # of all kinds, bare ones too
            ray.shutdown()
            fact = " ".join(str(error).split())[:200]
            if not left:
                raise ConnectionError(
                    f"Ray does not start: {fact}" if wanted is None else f"{wanted}: {fact}"
                ) from error
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call,unused-ignore]
    return Cluster(int(there.get("GPU", 0)), int(there.get("CPU", 0)), own=wanted is None)


def _knock(address: str) -> None:
    """Look whether anybody listens: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            with socket.socket() as door:
                door.settimeout(REACH_SECONDS)
                door.connect((host, int(port)))
        except OSError as error:
            raise ConnectionError(f"{address}: {error.strerror or error}") from error


def leave() -> None:
    """Let go of the cluster; one that was started here ends."""
    import ray

    ray.shutdown()
