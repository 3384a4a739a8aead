"""`dsvl2 models`: which models are here, and what each is. Reads headers only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dsvl2_cli import options
from dsvl2_cli.session import Leave, session

if TYPE_CHECKING:
    from dsvl2_cli.catalog import Entry

app = typer.Typer(help="List and describe the models on this machine.", no_args_is_help=True, rich_markup_mode="rich")


@app.command("list")
def list_models(
    folders: Annotated[list[str] | None, typer.Argument(help="Folders to look in as well.", metavar="[DIR]...")] = None,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the embedded models, those in the Hugging Face cache, and those in the given folders."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.catalog import available, read_headers

        records: list[dict[str, Any]] = []
        for entry in available(folders or []):
            record: dict[str, Any] = {"name": entry.name, "origin": entry.origin, "path": str(entry.path)}
            try:
                record["bytes"] = read_headers(entry.path)["bytes"]
            except (OSError, ValueError) as error:
                record["bytes"], record["error"] = None, str(error)
            records.append(record)
        if as_json:
            now.emit({"schema": "dsvl2/models/v1", "models": records})
            return
        width = max((len(record["name"]) for record in records), default=0)
        for record in records:
            size = f"{record['bytes'] / 1e6:10,.1f} MB" if record["bytes"] is not None else "    damaged  "
            now.results.write(f"{record['name']:<{width}}  {size}  {record['origin']:<8}  {record['path']}\n")
        if not records:
            now.console.say("no models found; read one from a folder with --model DIR")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A listed name or a folder.", metavar="NAME|DIR")] = "nano",
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
            now.console.warn(f"{entry.name}: {record['files']}; install the package again")
            raise Leave(Exit.MODEL)


def describe(entry: Entry) -> dict[str, Any]:
    """Gather the facts of one model from its configuration and headers."""
    from dsvl2.model import ModelConfig, WeightsError
    from dsvl2_cli.catalog import read_headers

    config = ModelConfig.from_file(entry.path / "config.json")
    try:
        stored = read_headers(entry.path)
    except ValueError as error:
        raise WeightsError(str(error), "download or install the model again") from error
    language, vision = config.language, config.vision
    stored_scheme = config.quantization or {}
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
        "quantization": stored_scheme.get("scheme") or stored_scheme.get("quant_method"),
        "tensors": stored["tensors"],
        "weight_bytes": stored["bytes"],
        "weight_types": ", ".join(stored["bytes_by_type"]),
    }
