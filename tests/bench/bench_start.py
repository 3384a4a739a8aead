"""What `dsvl2 --help` takes, beside a bare interpreter and beside importing the libraries that it cannot do without.

Not collected by pytest: `python tests/bench/bench_start.py [RUNS]`. Processes take turns; medians of processor seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

CASES = {
    "python": "pass",
    "typer and rich": "import typer, typer.rich_utils",
    "dsvl2 --help": "from dsvl2_cli.app import run; run(['--help'])",
}
CLOCK = "; import sys, time; sys.stderr.write(str(time.process_time()))"


def main() -> None:
    """Run the cases in turn and print their medians and the ratio to the libraries."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(runs):
        for name, code in CASES.items():
            done = subprocess.run([sys.executable, "-c", code + CLOCK], capture_output=True, text=True, check=True)
            seconds[name].append(float(done.stderr.split()[-1]))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in median.items():
        sys.stdout.write(f"{name:>16}  {value:.3f} s\n")
    sys.stdout.write(f"{'ratio':>16}  {median['dsvl2 --help'] / median['typer and rich']:.2f} of the libraries\n")


if __name__ == "__main__":
    main()
