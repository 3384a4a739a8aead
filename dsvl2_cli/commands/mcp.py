"""`dsvl2 mcp`: for an assistant on the same machine. `dsvl2_cli.mcp_server` speaks the protocol, `mcp_tools` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli.common import COMMON, Common, spread

SERVING = "Serving"


@spread
def mcp(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER ...", show_default="this folder", help="Folders whose documents may be read, and no others."
        ),
    ] = None,
    most: Annotated[
        int,
        typer.Option(
            "--most", min=1, metavar="N", rich_help_panel=SERVING, help="Pages that one answer holds at most."
        ),
    ] = 20,
    common: Common = COMMON,
) -> None:
    """Let an assistant on this machine read documents: a Model Context Protocol server on standard input and output.

    Give your assistant this command to start, for example in its configuration:

    \b
    [cyan]{"mcpServers": {"dsvl2": {"command": "dsvl2", "args": ["mcp", "/home/me/documents"]}}}[/cyan]

    It can then list, inspect and read documents, ask them questions and extract fields; nothing is written, and no
    network is used. What was read is kept in memory until the end.
    """
    with common.session() as now:
        from dsvl2_cli.mcp_tools import serve

        serve(folders or ["."], most, common, now)
