"""`dsvl2 schema`: the published JSON Schema of what dsvl2 writes."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.session import session


def schema(
    name: Annotated[str, typer.Argument(help="Which output: ocr.", metavar="[NAME]")] = "ocr",
    debug: options.Debug = False,
) -> None:
    """Print the JSON Schema of an output, for validators and code generators.

    dsvl2 schema ocr > ocr.schema.json
    """
    with session(debug=debug) as now:
        from dsvl2_cli.errors import UsageError
        from dsvl2_cli.packaged import published_schemas

        found = published_schemas()
        if name not in found:
            raise UsageError(
                f"no schema is called {name!r}", f"choose {', '.join(sorted(found)) or '(none installed)'}"
            )
        now.results.write(found[name].read_text(encoding="utf-8"))
