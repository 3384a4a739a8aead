"""The same figures of several networks, one after the other; one that fails costs none of the others."""

from __future__ import annotations

import argparse
import gc
import json
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import torch

Figures = Callable[[str, str, torch.device], Iterator[dict[str, Any]]]


def options_of(parser: argparse.ArgumentParser, cases: str, seconds: float) -> None:
    """Add what every such bench can be told."""
    parser.add_argument("--cases", default=cases, help="model:scheme, separated by commas")
    parser.add_argument("--seconds", type=float, default=seconds, help="begin nothing after so long")
    parser.add_argument("--scaled", action="store_true", help="toy sizes, for a try without a GPU")


def run(options: argparse.Namespace, figures: Figures) -> int:
    """Print each figure as a JSON object when it is known; 1 if a case failed."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    end, failed = time.monotonic() + options.seconds, 0
    for case in options.cases.split(","):
        variant, scheme = case.split(":")
        head = {"model": variant, "scheme": scheme, "device": str(device)}
        if time.monotonic() > end:
            print(json.dumps(head | {"skipped": "no time left"}), flush=True)
            continue
        try:
            for figure in figures(variant, scheme, device):
                print(json.dumps(head | figure), flush=True)
                if time.monotonic() > end:
                    break
        except Exception as trouble:  # the other cases are still worth measuring
            traceback.print_exc()
            print(json.dumps(head | {"failed": f"{type(trouble).__name__}: {trouble}"[:300]}), flush=True)
            failed = 1
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return failed
