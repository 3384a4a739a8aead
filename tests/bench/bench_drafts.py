"""What a draft gains: tokens a second of one and of several answers whose next tokens are guessed, so many of them rightly.

    PYTHONPATH=.types:. python tests/bench/bench_drafts.py [--cases small:bf16,small:e4a8] [--new 400] [--scaled]

Random weights (see bench_engine). An answer is said once without a draft; then again with itself for a draft, every token of
which is right by a chance of 100, 80 and 0 %, followed as a page's text layer is. It must come out the same, token for token,
where steps of every width have the same sums (a CPU, `--deterministic`); elsewhere how many tokens it shares before it parts
is said. One JSON object a row.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from dsvl2.model import GenerationRequest, Message, SamplingParams
from dsvl2.model.answers import Job
from dsvl2.model.drafts import Draft
from dsvl2.model.engine import Engine
from tests.bench.bench_engine import TEXT, engine_of, page

RATES = (1.0, 0.8, 0.0)
Said = dict[int, list[int]]


def jobs_of(engine: Engine, count: int, new: int) -> list[Job]:
    """Pages to read, all answers of one length."""
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    requests = [GenerationRequest((Message("user", "<image>\n" + TEXT, (page(n),)),), sampling) for n in range(count)]
    return [engine._job(engine._plan(request, number), None) for number, request in enumerate(requests)]


def draft_of(whole: Sequence[int], rate: float, seed: int) -> Draft:
    """A draft of an answer, each token right by a chance."""
    draw = random.Random(seed)
    return Draft([token if draw.random() < rate else 3 + (token + 1) % 90 for token in whole])


def run(engine: Engine, jobs: Sequence[Job]) -> tuple[float, Said, dict[str, int]]:
    """Seconds after the prompts, what was said, and steps and guesses."""
    if engine.network.image_newline.is_cuda:
        torch.cuda.synchronize()
    begun, said = list[float](), Said()
    counts = {"steps": 0, "drafted": 0, "accepted": 0}
    watched = [
        replace(job, watch=lambda ids: begun.append(time.perf_counter()) if len(ids) == 1 else None) for job in jobs
    ]
    for answer in engine._lanes.first.run(watched):
        said[answer.job.index] = answer.ids
        for name in counts:
            counts[name] += getattr(answer, name)
    return time.perf_counter() - max(begun), said, counts


def rows(engine: Engine, count: int, new: int) -> Any:
    """Without a draft, then by rates."""
    jobs = jobs_of(engine, count, new)
    run(engine, [replace(job, sampling=replace(job.sampling, max_new_tokens=8)) for job in jobs])  # compiles, captures
    seconds, plain, counts = run(engine, jobs)
    made = count * (new - 1)
    yield {"rate": None, "tokens_per_second": round(made / seconds, 1)} | counts
    for rate in RATES:

        def drafted(rate: float = rate) -> list[Job]:
            return [replace(job, propose=draft_of(plain[job.index], rate, job.index)) for job in jobs]

        run(engine, drafted())  # captures the widths that come up
        taken, said, counts = run(engine, drafted())
        same = [
            next((n for n, pair in enumerate(zip(said[i], plain[i], strict=False)) if pair[0] != pair[1]), new)
            for i in plain
        ]
        yield {
            "rate": rate, "tokens_per_second": round(made / taken, 1), "gain": round(seconds / taken, 2),
            "same_tokens": min(same), **counts,
        }  # fmt: skip


def main() -> int:
    """Print the rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="small:bf16,small:e4a8")
    parser.add_argument("--counts", default="1,8", help="answers at a time")
    parser.add_argument("--new", type=int, default=400)
    parser.add_argument("--scaled", action="store_true", help="toy sizes, for a try without a GPU")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for case in options.cases.split(","):
        variant, scheme = case.split(":")
        engine = engine_of(variant, scheme, device, scaled=options.scaled)
        for count in map(int, options.counts.split(",")):
            head = {"model": variant, "scheme": scheme, "device": str(device), "answers": count}
            for figure in rows(engine, count, options.new):
                print(json.dumps(head | figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
