"""Everything that only a GPU can show, in one unattended run: each step in a process of its own, with a time limit.

    PYTHONPATH=.types:. python tests/bench/gpu_session.py OUT [--only tests,parity,profile,tune,layers,load] [--minutes 9]

Writes OUT/results.json after every step (what it printed as JSON, its exit code, seconds) and OUT/<step>.log; a step that fails
or overruns loses nothing of the others.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTEST = [
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-o",
    "filterwarnings=default",
    "--tb=short",
    *(["-n", "8"] if find_spec("xdist") else []),
]


@dataclass(frozen=True)
class Step:
    """A command of this Python, and how many seconds it may take."""

    name: str
    command: list[str]
    seconds: int


def steps(parity: list[Path], tiles: Path) -> list[Step]:
    """In order of importance."""
    bench = "tests/bench"
    return [
        Step(
            "tests",
            [*PYTEST, "tests/kernels/test_triton.py", "tests/model/test_triton_path.py", "tests/model/test_cuda.py"],
            240,
        ),
        Step("parity", [f"{bench}/bench_parity.py", *map(str, parity)], 120),
        Step("profile", [f"{bench}/profile_step.py", "--seconds", "150"], 180),
        Step("tune", [f"{bench}/tune_tiles.py", "--seconds", "90", "--write", str(tiles)], 120),
        Step("layers", [f"{bench}/bench_layers.py", "--seconds", "100"], 140),
        Step("load", [f"{bench}/bench_load.py", "--make-in", str(roomiest() / "dsvl2-full"), "--minutes", "6"], 400),
    ]


def roomiest() -> Path:
    """Where 55 GB have a chance: memory if it holds them, for the loads to be from memory in any case, else the disk."""
    shared = Path("/dev/shm")
    if shared.is_dir() and shutil.disk_usage(shared).free > 57e9:
        return shared
    return Path(tempfile.gettempdir())


def run(step: Step, out: Path, limit: float, tiles: Path) -> dict[str, Any]:
    """Run one step; what it printed as JSON lines, how it ended, and how long it took."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / '.types'}:{ROOT}", "TRITON_INTERPRET": "0", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "8",
    }  # fmt: skip
    if tiles.is_file():  # the steps behind "tune" run with what it found
        environment["DSVL2_TILES"] = str(tiles)
    start, log = time.monotonic(), out / f"{step.name}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *step.command], cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            code: int | str = process.wait(min(step.seconds, limit))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = "too long"
    lines = log.read_text(errors="replace").splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return {"code": code, "seconds": round(time.monotonic() - start, 1), "last": lines[-3:], "json": found}


def machine() -> dict[str, str]:
    """What it ran on."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        said = "none"
    import torch
    import triton

    return {"gpu": said, "torch": torch.__version__, "triton": triton.__version__, "python": sys.version.split()[0]}


def main() -> int:
    """Run the steps that are asked for; exit 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="steps, separated by commas; default: all")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for everything")
    parser.add_argument("--parity", type=Path, nargs="+", default=[ROOT / "tests/parity/fixture"])
    options = parser.parse_args()
    links = ROOT / ".types" / "dsvl2"
    links.mkdir(parents=True, exist_ok=True)
    for name in ("kernels", "model", "pipelines"):
        if not (links / name).exists():
            (links / name).symlink_to(ROOT / name)
    options.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + options.minutes * 60
    results: dict[str, Any] = {"machine": machine() | {"checkpoints_in": str(roomiest())}}
    asked = {name for name in options.only.split(",") if name}
    tiles = options.out / "tiles.json"
    for step in steps(options.parity, tiles):
        left = end - time.monotonic()
        if asked and step.name not in asked:
            continue
        results[step.name] = run(step, options.out, left, tiles) if left > 20 else {"code": "no time left"}
        (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        print(step.name, results[step.name].get("code"), results[step.name].get("seconds"), flush=True)
    return int(any(result.get("code") != 0 for name, result in results.items() if name != "machine"))


if __name__ == "__main__":
    sys.exit(main())
