"""`dsvl2 config show`: every setting, its value, and the place that decided it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.program import Program
from dsvl2_cli.session import session

app = Program(help="Look at the configuration.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Show what is set, and where.

    flag > DSVL2_* variable > ./dsvl2.toml > [tool.dsvl2] in ./pyproject.toml > the user's config.toml > default
    """


@app.command("show")
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Also say which place set each value.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print the settings that a command run here and now would use."""
    with session(as_json=as_json, debug=debug) as now:
        from dsvl2_cli.settings import resolve

        found = resolve()
        values = asdict(found.settings)
        if as_json:
            now.emit(
                {
                    "schema": "dsvl2/config/v1",
                    "settings": {
                        name: {"value": value, "origin": found.origins[name].kind, "place": found.origins[name].place}
                        for name, value in values.items()
                    },
                }
            )
            return
        width = max(map(len, values))
        for name, value in values.items():
            shown = "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            now.results.write(
                f"{name:<{width}}  {shown:<12}{'  ' + found.origins[name].place if origin else ''}".rstrip() + "\n"
            )
