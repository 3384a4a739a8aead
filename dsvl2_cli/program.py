"""Commands whose help shows what a person types: no type behind a switch that takes no value, none behind a named argument."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dsvl2_cli.errors import UsageError


def _without_types(parameters: list[Any]) -> list[Any]:
    """Take away what newer Typer shows of itself: `--force <bool>`, `FILE <list[str]>`."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
        if parameter.param_type_name == "argument" and parameter.metavar is not None:
            parameter.display_type_rich = _nothing
            if parameter.nargs == -1 and " " not in parameter.metavar:
                parameter.metavar = parameter.metavar.removesuffix("...")  # the usage line writes its own
    return parameters


def _nothing(ctx: object) -> None:
    """An argument's metavar has said it all."""


def _filled(text: str | None) -> str | None:
    """Take the line breaks out of paragraphs of help, as Typer does with the first alone; \\b keeps those of examples."""
    if text is None:
        return None
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(part if part.startswith("\b") else " ".join(part.split("\n")) for part in paragraphs)


class Command(TyperCommand):
    """A command."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.help = _filled(self.help)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the command line; a second output is refused where one is all that is written, not dropped in silence.

        Raises:
            UsageError: -o stands twice and the command takes one.
        """
        for parameter in self.params:
            if parameter.name == "output" and not getattr(parameter, "multiple", False):
                _refuse_second(parameter.opts, args)
        return super().parse_args(ctx, args)


def _refuse_second(names: list[str], args: list[str]) -> None:
    options = args[: args.index("--")] if "--" in args else args
    if sum(word.partition("=")[0] in names for word in options) > 1:
        raise UsageError("-o stands twice, and one output is written", "run the command again for the other")


class Group(TyperGroup):
    """Commands under one name."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.help = _filled(self.help)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


class Program(typer.Typer):
    """Typer with our commands and groups."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cls": Group, "rich_markup_mode": "rich", **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a command, as Typer does."""
        return super().command(name, **{"cls": Command, **settings})
