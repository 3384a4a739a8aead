"""`dsvl2 doctor`: what this machine offers, and whether the embedded model is whole."""

from __future__ import annotations

import os
import platform
import sys
from importlib.util import find_spec
from typing import Any

from dsvl2_cli import __version__, options
from dsvl2_cli.session import Leave, session

OPTIONAL = ("pi-heif", "triton", "bitsandbytes")
LIBRARIES = ("torch", "safetensors", "tokenizers", "numpy", "pillow", "pymupdf", *OPTIONAL)


def doctor(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Check Python, libraries, processor, GPU and the embedded model. Exit code 7 if the model is not whole."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.exit_codes import Exit

        report = {
            "dsvl2": __version__,
            "python": f"{platform.python_version()} {sys.executable}",
            "system": platform.platform(),
            **{f"library {name}": library(name) for name in LIBRARIES},
            **processor(),
            **accelerator(),
            **models(),
            **formats(),
        }
        problems = find_problems(report)
        if as_json:
            now.emit({"schema": "dsvl2/doctor/v1", "report": report, "problems": problems})
        else:
            width = max(map(len, report))
            for key, value in report.items():
                now.results.write(f"{key:<{width}}  {'-' if value is None else value}\n")
            for problem in problems:
                now.console.warn(problem)
            now.console.say("ready to read" if not problems else f"{len(problems)} problem(s)")
        if problems:
            raise Leave(Exit.MODEL)


def library(name: str) -> str | None:
    """Installed version of a distribution, None if it is absent."""
    from importlib import metadata  # takes 20 ms to import

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def processor() -> dict[str, Any]:
    """Cores this process may use, the thread count PyTorch takes, and the vector instructions it found."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts: dict[str, Any] = {"cores": cores, "memory": memory()}
    if find_spec("torch") is not None:
        import torch

        from dsvl2.kernels.compiled import library as compiled_steps

        facts |= {"torch threads": torch.get_num_threads(), "cpu features": torch.backends.cpu.get_cpu_capability()}
        absent = "absent: no C compiler when dsvl2 was installed; small models decode in PyTorch, several times slower"
        facts["decode steps"] = "compiled" if compiled_steps() else absent
    return facts


def memory() -> str | None:
    """Physical memory, where the system says it."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    except (AttributeError, ValueError, OSError):
        return None


def accelerator() -> dict[str, Any]:
    """GPUs that PyTorch can use, or why there are none."""
    if find_spec("torch") is None:
        return {"gpu": None}
    import torch

    if torch.cuda.is_available():
        names = [
            f"{torch.cuda.get_device_name(place)}, {torch.cuda.get_device_properties(place).total_memory / 1e9:.0f} GB"
            for place in range(torch.cuda.device_count())
        ]
        return {"gpu": "; ".join(names), "cuda": torch.version.cuda, **tiles(), **attention()}
    if torch.backends.mps.is_available():
        return {"gpu": "Apple (mps)"}
    return {"gpu": "none" if torch.version.cuda else "none (this PyTorch is built for CPU only)"}


def tiles() -> dict[str, Any]:
    """Where the kernels' tile sizes come from, for every kind of card: a table measured on it, or the rule for all others."""
    import torch

    from dsvl2.kernels.tuned import table_for

    cards = dict.fromkeys(torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count()))
    unknown = "no table for this card: the general rule is used (tests/bench/tune_tiles.py makes a table)"
    return {f"kernel tiles, {card}": f"measured: {known}" if (known := table_for(card)) else unknown for card in cards}


def attention() -> dict[str, Any]:
    """What computes latent attention of many rows and products of one, for every kind of card; tries it on one of each."""
    import warnings

    import torch

    from dsvl2.kernels.tuned import latent_attention, one_token

    places = {torch.cuda.get_device_name(place): place for place in range(torch.cuda.device_count())}
    with warnings.catch_warnings():  # the line says the same
        warnings.simplefilter("ignore")
        found = {f"latent attention, {card}": latent_attention(place) for card, place in places.items()}
        return found | {f"one token, 4 bits, {card}": one_token(place) for card, place in places.items()}


def models() -> dict[str, Any]:
    """Every embedded model with the state of its files, and where others are looked for."""
    from dsvl2.model import cache_folder
    from dsvl2_cli.catalog import verify
    from dsvl2_cli.packaged import embedded_models
    from dsvl2_cli.settings import user_file

    return {
        **{f"model {name}": f"{verify(path)} ({path})" for name, path in embedded_models().items()},
        "model cache": str(cache_folder()),
        "configuration": f"{user_file()}{'' if user_file().is_file() else ' (absent)'}",
    }


def formats() -> dict[str, str]:
    """Output formats that other packages brought, and whether they work."""
    from dsvl2.pipelines import DocumentError
    from dsvl2.pipelines.formats import declared_formats, load_declared

    found = {}
    for point in declared_formats():
        owner = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            found[f"format {point.name}"] = f"{load_declared(point).title} ({owner})"
        except DocumentError as error:
            found[f"format {point.name}"] = str(error)
    return found


def find_problems(report: dict[str, Any]) -> list[str]:
    """Return what keeps documents from being read, one sentence each."""
    problems = [
        f"{name} is not installed: pip install {name}"
        for name in LIBRARIES
        if name not in OPTIONAL and report[f"library {name}"] is None
    ]
    states = {key: value for key, value in report.items() if key.startswith("model ") and key != "model cache"}
    if not states:
        problems.append("the embedded model is missing: install the package again")
    for key, state in states.items():
        if not state.startswith(("ok", "no checksums")):
            problems.append(f"{key}: {state}: install the package again")
    return problems
