"""`dsvl2 models`: which models are here, and what each is. Reads headers only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsvl2_cli import options
from dsvl2_cli.commands import models_change
from dsvl2_cli.completing import MODELS, words
from dsvl2_cli.program import Program
from dsvl2_cli.session import Leave, session

if TYPE_CHECKING:
    from dsvl2_cli.catalog import Entry

HEADINGS = ("name", "parameters", "size", "scheme", "context", "licence", "origin", "path")

app = Program(
    help="List, describe, fetch, check, quantize, copy out and remove models.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("pull")(models_change.pull)
app.command("verify")(models_change.verify)
app.command("quantize")(models_change.quantize)
app.command("export")(models_change.export)
app.command("rm")(models_change.remove)


@app.command("list")
def list_models(
    folders: Annotated[list[str] | None, typer.Argument(help="Folders to look in as well.", metavar="DIR")] = None,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the embedded models, those in the Hugging Face cache, and those in the given folders."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2.model import ModelError
        from dsvl2_cli.catalog import available

        records: list[dict[str, Any]] = []
        for entry in available(folders or []):
            record: dict[str, Any] = {"name": entry.name, "origin": entry.origin, "path": str(entry.path)}
            try:
                record |= summary(entry)
            except (OSError, ValueError, ModelError) as error:
                record |= {"bytes": None, "error": str(error)}
            records.append(record)
        if as_json:
            now.emit({"schema": "dsvl2/models/v1", "models": records})
            return
        for line in aligned([HEADINGS, *map(row, records)]):
            now.results.write(line)
        if not any(record["origin"] == "cache" for record in records):
            now.console.say("the released models are fetched with: dsvl2 models pull tiny, small or base")
        for folder in folders or []:
            if not any(Path(record["path"]).is_relative_to(folder) for record in records):
                now.console.warn(f"{folder} holds no DeepSeek-VL2 model; `dsvl2 models show {folder}` says why")


@app.command("show")
def show(
    name: Annotated[
        str, typer.Argument(help="A listed name or a folder.", metavar="NAME|DIR", autocompletion=words(*MODELS))
    ] = "nano",
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Describe one model: its network, its stored weights, and whether its files are intact."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.catalog import find, verify
        from dsvl2_cli.exit_codes import Exit

        entry = find(name)
        record = describe(entry)
        record["files"] = verify(entry.path)
        if as_json:
            now.emit({"schema": "dsvl2/model/v1", **record})
        else:
            width = max(map(len, record))
            for key, value in record.items():
                now.results.write(f"{key.replace('_', ' '):<{width}}  {'-' if value is None else value}\n")
        if record["files"] not in ("ok", "no checksums"):
            again = "install the package" if entry.origin == "embedded" else "download or copy the model"
            now.console.warn(f"{entry.name}: {record['files']}; {again} again")
            raise Leave(Exit.MODEL)


def row(record: dict[str, Any]) -> tuple[str, ...]:
    """A row of the list; its columns are `HEADINGS`."""
    if record["bytes"] is None:
        facts: tuple[str, ...] = ("damaged", "-", "-", "-", "-")
    else:
        parameters, size = (f"{record[key] / 1e6:,.1f} {unit}" for key, unit in (("parameters", "M"), ("bytes", "MB")))
        facts = (parameters, size, record["scheme"], str(record["context_length"]), record["licence"] or "-")
    return (record["name"], *facts, record["origin"], record["path"])


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table whose columns stand below each other, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ("<", ">", ">", "<", ">", "<", "<", "<")
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(cells, sides, widths, strict=True)).rstrip()
        + "\n"
        for cells in rows
    ]


def summary(entry: Entry) -> dict[str, Any]:
    """Size, scheme, context and licence of a model, from its configuration and headers.

    Raises ValueError when a weight file is damaged or there is none, ConfigError when the configuration is.
    """
    from dsvl2.model import ModelConfig
    from dsvl2_cli.catalog import read_headers

    config = ModelConfig.from_file(entry.path / "config.json")
    stored = read_headers(entry.path)
    if not stored["tensors"]:
        raise ValueError("the weights are missing")
    return {
        "parameters": stored["parameters"],
        "bytes": stored["bytes"],
        "scheme": scheme(config.quantization) or "none",
        "context_length": config.language.max_position_embeddings,
        "licence": licence(entry),
    }


def scheme(quantization: Any) -> str | None:
    """What a configuration says about its quantization."""
    record = quantization or {}
    found = record.get("scheme") or record.get("bnb_4bit_quant_type") or record.get("quant_method")
    return None if found is None else str(found)


def licence(entry: Entry) -> str | None:
    """The licence of the weights: ours, what the model card says, or None."""
    if entry.origin == "embedded":
        return "Apache-2.0"
    try:
        card = (entry.path / "README.md").read_text(encoding="utf-8").split("---")[1]
    except (OSError, IndexError, ValueError):
        return None
    lines = dict(line.split(": ", 1) for line in card.splitlines() if ": " in line)
    return lines.get("license_name") or lines.get("license")


def describe(entry: Entry) -> dict[str, Any]:
    """Gather the facts of one model from its configuration and headers."""
    from dsvl2.model import ModelConfig, WeightsError
    from dsvl2_cli.catalog import adapter_of, read_headers

    config = ModelConfig.from_file(entry.path / "config.json")
    try:
        stored, adapter = read_headers(entry.path), adapter_of(entry.path)
    except ValueError as error:
        raise WeightsError(str(error), "download or install the model again") from error
    language, vision = config.language, config.vision
    layers = f"{language.num_hidden_layers} layers"
    experts = f"{language.n_routed_experts or 0} routed, {language.n_shared_experts or 0} shared"
    return {
        "name": entry.name,
        "origin": entry.origin,
        "path": str(entry.path),
        "vision": f"{vision.layers} layers, {vision.width} wide, patch {vision.patch_size} on {vision.image_size}",
        "language": f"{layers}, {language.hidden_size} wide, vocabulary {language.vocab_size}",
        "attention": "multi-head latent" if language.use_mla else "multi-head",
        "experts": f"{experts}; {language.num_experts_per_tok or 0} per token",
        "context_length": language.max_position_embeddings,
        "tile_shapes": len(config.candidate_resolutions),
        "quantization": scheme(config.quantization),
        "licence": licence(entry),
        "parameters": stored["parameters"],
        "tensors": stored["tensors"],
        "weight_bytes": stored["bytes"],
        "weight_types": ", ".join(stored["bytes_by_type"]),
        "text_adapter": adapter,
    }
