"""Batches that never lose a page: a run folder with a manifest, worker processes, and outputs made from stored results.

    with RunFolder.begin(Path("run")) as folder:
        counts = run_batch(folder, plan_files(["scans/"], target=...), OutputPlan(...), EngineSpec(...))

`run_batch` goes on where it was killed. Importing this door loads no decoder and no engine.
"""

from dsvl2.pipelines.batch.endings import EngineFailed
from dsvl2.pipelines.batch.events import Counts, Quiet, Reporter
from dsvl2.pipelines.batch.folder import DEFAULT_NAME, STDIN_FILE, RunFolder, find_run, find_runs
from dsvl2.pipelines.batch.inspection import RunStatus, run_status, verify_run
from dsvl2.pipelines.batch.kept_hands import KeptHands
from dsvl2.pipelines.batch.leases import LEASE_SECONDS, LeaseBoard, lease_key
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.places import Place, below, is_url, place_of, shown
from dsvl2.pipelines.batch.planner import STDIN_NAME, Shard, plan_files
from dsvl2.pipelines.batch.requests import looks_like_requests, plan_requests
from dsvl2.pipelines.batch.rows import PlannedFile
from dsvl2.pipelines.batch.run import Stop, failed_documents, reset_failed, run_batch
from dsvl2.pipelines.batch.shelves import check_shelf
from dsvl2.pipelines.batch.work import BatchOptions, EngineSpec, Hands
from dsvl2.pipelines.batch.writer import OutputPlan

__all__ = [
    "DEFAULT_NAME",
    "LEASE_SECONDS",
    "STDIN_FILE",
    "STDIN_NAME",
    "BatchOptions",
    "Counts",
    "EngineFailed",
    "EngineSpec",
    "Hands",
    "KeptHands",
    "LeaseBoard",
    "Manifest",
    "OutputPlan",
    "Place",
    "PlannedFile",
    "Quiet",
    "Reporter",
    "RunFolder",
    "RunStatus",
    "Shard",
    "Stop",
    "below",
    "check_shelf",
    "failed_documents",
    "find_run",
    "find_runs",
    "is_url",
    "lease_key",
    "looks_like_requests",
    "place_of",
    "plan_files",
    "plan_requests",
    "reset_failed",
    "run_batch",
    "run_status",
    "shown",
    "verify_run",
]
