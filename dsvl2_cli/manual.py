"""Manual pages, made from the same commands, options and help texts that the program itself runs by.

A page is text for man (macros of man(7), as groff and mandoc read them): `page()` is that of the whole program,
`page("batch", "status")` that of one command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

from dsvl2_cli import __version__
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import MEANINGS

_STYLE = re.compile(r"\[/?(?:cyan|bold|dim|italic|green|yellow|red)\]")
_PANELS = ("Input", "Pages", "Output", "Comparing", "Watching", "Run", "Model", "Options")

Command = Any  # Click's, whose copy inside Typer has no public name


def page(*names: str) -> str:
    """Return the manual page of the program, or of the command that the names lead to.

    Raises:
        UsageError: there is no such command.
    """
    command = _find(names)
    title = "-".join(("dsvl2", *names))
    lines = [f'.TH {_quoted(title.upper())} 1 "" "dsvl2 {__version__}" "dsvl2 manual"', ".nh", ".ad l"]
    lines += [".SH NAME", f"{_text(title)} \\- {_text(_first_sentence(command))}"]
    lines += [".SH SYNOPSIS", *_synopsis(command, " ".join(("dsvl2", *names)))]
    lines += [".SH DESCRIPTION", *_prose(_help(command))]
    if hasattr(command, "commands"):
        lines += [".SH COMMANDS", *_commands(command, names)]
    lines += _options(command)
    lines += [".SH EXIT STATUS"]
    lines += [line for code, meaning in MEANINGS.items() for line in (".TP", str(int(code)), _text(meaning))]
    if not names:
        lines += [*_settings(), *_files()]
    others = _others(command, names)
    if others:
        lines += [
            ".SH SEE ALSO",
            ",\n".join(f".BR {_text(other)} (1)" for other in others).replace(",\n.BR", " ,\n.BR"),
        ]
    return "\n".join(lines) + "\n"


def names_of_pages() -> list[tuple[str, ...]]:
    """Return the names of all commands that have a page, the program itself first."""

    def below(command: Command, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield names
        for name, inner in getattr(command, "commands", {}).items():
            if not inner.hidden:
                yield from below(inner, (*names, name))

    return list(below(_program(), ()))


@cache
def _program() -> Command:
    import typer.main

    from dsvl2_cli.app import app

    return typer.main.get_command(app)


def _find(names: tuple[str, ...]) -> Command:
    command = _program()
    for place, name in enumerate(names):
        inner = getattr(command, "commands", {})
        if name not in inner:
            there = f"choose {', '.join(inner)}" if inner else f"see: dsvl2 man {' '.join(names[:place])}"
            raise UsageError(f"there is no command {' '.join(('dsvl2', *names[: place + 1]))}", there)
        command = inner[name]
    return command


def _help(command: Command) -> str:
    """Return a command's help; of a group the text of what runs before its commands, if that has one."""
    return _STYLE.sub("", command.help or "").strip()


def _first_sentence(command: Command) -> str:
    first = " ".join(_help(command).split("\n\n")[0].split())
    return re.split(r"(?<=[a-z0-9)])\. ", first)[0].rstrip(".")


def _synopsis(command: Command, name: str) -> list[str]:
    parts = [rf"\fB{_text(name)}\fR"]
    if _shown_options(command):
        parts.append(r"[\fIoptions\fR]")
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            label = _text(_label(parameter))
            parts.append(rf"\fI{label}\fR" if parameter.required else rf"[\fI{label}\fR]")
    if hasattr(command, "commands"):
        parts.append(r"\fIcommand\fR ...")
    return [" ".join(parts)]


def _label(parameter: Any) -> str:
    label = parameter.metavar or parameter.name.upper()
    return f"{label} ..." if parameter.nargs == -1 and "..." not in label else label


def _prose(text: str) -> list[str]:
    r"""Turn a help text into paragraphs; one that begins with \b keeps its lines, as in --help."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        rows = [row.rstrip() for row in paragraph.splitlines()]
        if rows and rows[0].strip() == "\b":
            lines += [".PP", ".nf", ".RS 4", *map(_text, (row.strip() for row in rows[1:])), ".RE", ".fi"]
        elif any(rows):
            lines += [".PP", _text(" ".join(" ".join(rows).split()))]
    return lines[1:] if lines[:1] == [".PP"] else lines


def _commands(group: Command, names: tuple[str, ...]) -> list[str]:
    lines = []
    for name, command in group.commands.items():
        if not command.hidden:
            lines += [".TP", rf"\fB{_text(' '.join((*names, name)))}\fR", _text(_first_sentence(command)) + "."]
    return lines


def _shown_options(command: Command) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and not getattr(p, "hidden", False)]


def _options(command: Command) -> list[str]:
    """Return arguments and options, the latter by the groups that --help shows."""
    lines: list[str] = []
    arguments = [p for p in command.params if p.param_type_name == "argument" and p.help]
    if arguments:
        lines.append(".SH ARGUMENTS")
        for argument in arguments:
            lines += [".TP", rf"\fI{_text(_label(argument))}\fR", _text(_STYLE.sub("", argument.help))]
    panels: dict[str, list[Any]] = {}
    for option in _shown_options(command):
        panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(option)
    if panels:
        lines.append(".SH OPTIONS")
    for panel in sorted(panels, key=lambda name: _PANELS.index(name) if name in _PANELS else -1):
        lines.append(f".SS {_text(panel)}")
        for option in panels[panel]:
            lines += [".TP", _flags(option), _text(_sentence(option.help or "") + _default(option))]
    return lines


def _sentence(text: str) -> str:
    plain = _STYLE.sub("", text).strip()
    return plain if plain.endswith((".", ":", ")")) else plain + "."


def _flags(option: Any) -> str:
    flags = ", ".join(rf"\fB{_text(flag)}\fR" for flag in (*option.opts, *option.secondary_opts))
    takes = not option.is_flag and not getattr(option, "count", False)
    return rf"{flags} \fI{_text(_label(option))}\fR" if takes else flags


def _default(option: Any) -> str:
    shown = option.show_default
    if isinstance(shown, str):
        return f" Default: {shown}."
    plain = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    return (
        f" Default: {option.default}."
        if shown is not False and plain and not option.is_flag and option.default != 0
        else ""
    )


def _settings() -> list[str]:
    from dsvl2_cli.settings import Settings

    lines = [".SH ENVIRONMENT", "A flag wins over a variable, that over the configuration files."]
    for key in fields(Settings):
        lines += [".TP", rf"\fBDSVL2_{key.name.upper()}\fR", _text(key.metadata["help"].capitalize() + ".")]
    lines += [".TP", r"\fBDSVL2_PASSWORD\fR", "The password of encrypted PDF files."]
    return [*lines, ".TP", r"\fBNO_COLOR\fR, \fBFORCE_COLOR\fR, \fBCOLUMNS\fR, \fBTERM\fR", "As everywhere."]


def _files() -> list[str]:
    lines = [".SH FILES"]
    for name, meaning in (
        ("./dsvl2.toml", "Settings of a folder; keys are the long options without dashes."),
        ("./pyproject.toml", "The same, in [tool.dsvl2]."),
        ("$XDG_CONFIG_HOME/dsvl2/config.toml", "Settings of the user."),
    ):
        lines += [".TP", rf"\fI{_text(name)}\fR", _text(meaning)]
    return lines


def _others(command: Command, names: tuple[str, ...]) -> list[str]:
    inner = [
        "-".join(("dsvl2", *names, name)) for name, one in getattr(command, "commands", {}).items() if not one.hidden
    ]
    return [*(["-".join(("dsvl2", *names[:-1]))] if names else []), *inner]


def _text(text: str) -> str:
    """Escape what roff would take for a request or an escape; a hyphen stays one that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\`").replace("'", r"\(aq")
    return r"\&" + text if text.startswith(".") else text


def _quoted(text: str) -> str:
    return f'"{_text(text)}"'
