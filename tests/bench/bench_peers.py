"""This project's kernels beside those of others, on one GPU: experts, latent attention, the output matrix, a whole network.

    PYTHONPATH=.types:. python tests/bench/bench_peers.py OUT [--shape small] [--peers ours,eager,native,bnb,vllm] [--no-whole]

One process a peer and kind of problem. Each makes the same seeded inputs, is held against fp32 (with its own dequantized
weights) before it is timed, and is not reported where it errs: the exit code is then 1. Times are medians of CUDA-graph
replays over operands that rotate through more memory than the L2 holds, with uniform experts and with experts by a Zipf law;
"eager" ones include launches. The floor is what moving the bytes takes at the bandwidth of a plain kernel in the same run.
A peer that is not installed is named as absent. OUT gets peers.json, peers.md and each peer's log. On a CPU, `--shape toy`
tries everything but the numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # run by its path: this folder, not the root, is on sys.path
    sys.path.insert(0, str(ROOT))

from tests.bench.peers.child import LAYERS  # noqa: E402
from tests.bench.peers.clock import ceilings  # noqa: E402
from tests.bench.peers.table import Row, red, tables  # noqa: E402


def start(peer: str, group: str, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start a peer on a group of problems; what it prints goes to its log."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / ".types"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        sys.executable, "-m", "tests.bench.peers.child", peer, group, options.shape, options.device,
        str(options.out / "device.lock"),
    ]  # fmt: skip
    with (options.out / f"{peer}.{group}.log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def together(jobs: list[tuple[str, str]], options: argparse.Namespace, end: float) -> list[Row]:
    """Run peers side by side until all are done or the time is over; their rows."""
    running = {(peer, group): start(peer, group, options) for peer, group in jobs}
    rows: list[Row] = []
    for (peer, group), process in running.items():
        try:
            code: int | str = process.wait(max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "out of time"
        lines = (options.out / f"{peer}.{group}.log").read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        rows += found
        if code != 0 and not any("refused" in row or "failed" in row for row in found):
            why = f"ended with {code} after {len(found)} rows: {' / '.join(lines[-2:])}"[:400]
            rows.append({"peer": peer, "group": group, "failed": why})
    return rows


def machine() -> dict[str, Any]:
    """What it ran on."""
    import torch

    cuda = torch.cuda.is_available()
    facts = {"torch": torch.__version__, "card": torch.cuda.get_device_name() if cuda else "none, CPU"}
    return facts | {"date": time.strftime("%Y-%m-%d"), "load": os.getloadavg()[0], "python": sys.version.split()[0]}


def main() -> int:
    """Print the tables; 1 if anything was refused or failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", default="small", choices=("small", "base", "toy"))
    parser.add_argument("--peers", default=",".join(LAYERS))
    parser.add_argument("--no-whole", action="store_true", help="leave the whole networks out")
    parser.add_argument("--seconds", type=float, default=600, help="stop what still runs after so long")
    options = parser.parse_args()
    import torch

    options.device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + options.seconds
    limits = ceilings()  # before anything else holds the device or its memory
    if options.device == "cuda":
        torch.cuda.empty_cache()
    jobs = [(peer, group) for peer in options.peers.split(",") for group in LAYERS.get(peer, ())]
    rows = together(jobs, options, end - (0 if options.no_whole else 40))
    if not options.no_whole:
        rows += together([("whole-ours", ""), ("whole-transformers", "")], options, end)
    (options.out / "device.lock").unlink(missing_ok=True)
    trouble = red(rows)
    record = {"machine": machine(), "shape": options.shape, "limits": limits, "red": trouble, "rows": rows}
    (options.out / "peers.json").write_text(json.dumps(record, indent=1) + "\n")
    text = tables(rows, limits)
    (options.out / "peers.md").write_text(text)
    print(text)
    for line in sorted({f"absent: {row['peer']} ({row['absent']})" for row in rows if "absent" in row}):
        print(line)
    print(*(f"RED {line}" for line in trouble), sep="\n")
    return int(bool(trouble))


if __name__ == "__main__":
    sys.exit(main())
