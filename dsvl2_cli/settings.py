"""What can be set beside the command line, and in which order the places win.

flag > DSVL2_* variable > ./dsvl2.toml > [tool.dsvl2] in ./pyproject.toml > the user's config.toml > default.
An unknown key or a value of the wrong kind is an error that names the place; nothing is ever ignored in silence.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from dsvl2_cli.errors import SettingsError, UsageError

FAIL_ON = ("never", "partial", "failure", "doubt")
TEXT_LAYER = ("auto", "force", "ignore")
PDF_IMAGES = ("fit", "exact")
PROGRESS = ("auto", "always", "never", "json")
# Variables of this prefix that are no settings.
OTHER_VARIABLES = frozenset({"DSVL2_PASSWORD"})

Setting = str | int | float | bool | None


def _key(
    default: Any, help: str, *, choices: tuple[str, ...] = (), least: float | None = None, most: float | None = None
) -> Any:
    return field(default=default, metadata={"help": help, "choices": choices, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its built-in default. None means: decided at run time."""

    model: str = _key("nano", "a built-in name, a folder, or org/name in the Hugging Face cache")
    device: str = _key("auto", "auto, cpu, cuda or cuda:N")
    dtype: str | None = _key(None, "number format of the computation, for example bfloat16")
    quant: str | None = _key(None, "quantization scheme of the weights, for example int8")
    adapter: str | None = _key(None, "folder of a LoRA adapter that is merged into the model")
    kv: str | None = _key(None, "keys and values of the cache: 8bit", choices=("8bit",))
    deterministic: bool = _key(False, "no bit of an answer depends on what else a GPU reads")
    threads: int | None = _key(None, "CPU threads; the default is one per core", least=1)
    batch_size: int | None = _key(None, "pages read together; the text never depends on it", least=1)
    dpi: float | None = _key(None, "resolution at which PDF pages are drawn", least=36)
    text_layer: str = _key("auto", "what to do with the text that PDF pages carry", choices=TEXT_LAYER)
    format: str | None = _key(None, "md, txt, json, jsonl, tex, html, tsv, hocr, alto, docling or pdf")
    page_markers: bool = _key(False, "a comment with the page number before every page")
    front_matter: bool = _key(False, "YAML front matter: source, model, options")
    min_confidence: float | None = _key(
        None, "mark words that are less sure than this, 0 to 1 (0.9 for 90 %); fields become null", least=0, most=1
    )
    pdf_images: str = _key(
        "fit", "pictures of searchable PDFs: fit keeps files within 1.1 times the original", choices=PDF_IMAGES
    )
    page_timeout: float | None = _key(None, "seconds that a page may take; 0 switches the limit off", least=0)
    max_pages: int | None = _key(None, "refuse to read more pages of one document; 0 switches the limit off", least=0)
    max_megapixels: float | None = _key(None, "refuse images with more; 0 switches the limit off", least=0)
    max_megabytes: float | None = _key(None, "refuse larger files; 0 switches the limit off", least=0)
    fail_on: str = _key("partial", "what makes the exit code non-zero", choices=FAIL_ON)
    progress: str = _key("auto", "progress on standard error", choices=PROGRESS)
    offline: bool = _key(False, "refuse every network connection")


class Origin(NamedTuple):
    """Where a value came from: a kind for machines, a place for people."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings together with the origin of each."""

    settings: Settings
    origins: Mapping[str, Origin]


def resolve(flags: Mapping[str, Setting] | None = None, *, folder: Path | None = None) -> Resolved:
    """Gather all settings. `flags` holds those given on the command line; None means not given there."""
    values: dict[str, Setting] = {}
    origins = {key.name: Origin("default", "default") for key in fields(Settings)}
    for origin, layer in _layers(folder or Path.cwd()):
        for name, value in layer.items():
            values[name] = _checked(name, value, origin)
            origins[name] = origin
    for name, value in (flags or {}).items():
        if value is not None:
            origin = Origin("flag", option_name(name))
            values[name] = _checked(name, value, origin)
            origins[name] = origin
    return Resolved(Settings(**values), origins)  # type: ignore[arg-type]


def option_name(key: str) -> str:
    """The flag that sets a key."""
    return "--" + key.replace("_", "-")


def user_file() -> Path:
    """The user's own file: config.toml in the platform's configuration folder ($XDG_CONFIG_HOME/dsvl2 on Linux)."""
    import platformdirs

    return platformdirs.user_config_path("dsvl2") / "config.toml"


def _layers(folder: Path) -> Iterator[tuple[Origin, Mapping[str, Any]]]:
    """Every place that sets something, the weakest first."""
    user = user_file()
    yield Origin("user_file", str(user)), _known(_table(user), user)
    project = folder / "pyproject.toml"
    yield Origin("pyproject", f"{project} [tool.dsvl2]"), _known(_table(project, "tool", "dsvl2"), project)
    local = folder / "dsvl2.toml"
    yield Origin("project_file", str(local)), _known(_table(local), local)
    yield from _environment()


def _table(path: Path, *keys: str) -> Mapping[str, Any]:
    try:
        data: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "mend its permissions or remove it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if keys:  # someone else's pyproject: not ours to judge
            return {}
        raise SettingsError(f"{path} is not valid TOML: {error}", "mend the line it names") from error
    for key in keys:
        data = data.get(key, {}) if isinstance(data, Mapping) else {}
    if not isinstance(data, Mapping):
        raise SettingsError(
            f"{path}: {'.'.join(keys)} is not a table", "write it as [tool.dsvl2] with key = value lines"
        )
    return data


def _known(table: Mapping[str, Any], place: Path) -> dict[str, Any]:
    known = {}
    names = [key.name for key in fields(Settings)]
    for raw, value in table.items():
        name = raw.replace("-", "_")
        if name not in names:
            raise SettingsError(f"{place}: unknown key {raw!r}", _did_you_mean(name, names))
        known[name] = value
    return known


def _environment() -> Iterator[tuple[Origin, Mapping[str, Any]]]:
    by_variable = {f"DSVL2_{key.name.upper()}": key for key in fields(Settings)}
    for variable, text in sorted(os.environ.items()):
        if not variable.startswith("DSVL2_") or variable in OTHER_VARIABLES:
            continue
        if variable not in by_variable:
            raise SettingsError(f"unknown variable {variable}", _did_you_mean(variable, list(by_variable)))
        if text == "":  # set but empty is the shell's way to unset for one command
            continue
        key = by_variable[variable]
        yield Origin("environment", variable), {key.name: _from_text(str(key.type), text, variable)}


def _did_you_mean(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"


def _from_text(kind: str, text: str, variable: str) -> Setting:
    """Read an environment variable as the kind of its setting."""
    try:
        if kind.startswith("bool"):
            return _SWITCH[text.strip().lower()]
        if kind.startswith("int"):
            return int(text)
        if kind.startswith("float"):
            return float(text)
    except (KeyError, ValueError) as error:
        wanted = _KINDS[kind.split(" ")[0]][1]
        raise SettingsError(f"{variable}={text!r} is not {wanted}", f"set it to {wanted}, or unset it") from error
    return text


_SWITCH: dict[str, bool] = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}


def _checked(name: str, value: Any, origin: Origin) -> Setting:
    """Return the value, or raise naming where it came from. A wrong flag is the command line's error."""
    failure = UsageError if origin.kind == "flag" else SettingsError
    key = next(key for key in fields(Settings) if key.name == name)
    kinds, wanted = _KINDS[str(key.type).split(" ")[0]]
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if not fits:
        raise failure(f"{origin.place}: {name} must be {wanted}, not {value!r}", str(key.metadata["help"]))
    choices, least, most = (key.metadata[name] for name in ("choices", "least", "most"))
    if choices and value not in choices:
        raise failure(f"{origin.place}: {name} cannot be {value!r}", f"choose {', '.join(choices)}")
    if least is not None and not value >= least:
        raise failure(f"{origin.place}: {name} must be at least {least:g}, not {value!r}", str(key.metadata["help"]))
    if most is not None and not value <= most:
        raise failure(f"{origin.place}: {name} must be at most {most:g}, not {value!r}", str(key.metadata["help"]))
    result: Setting = value
    return result
