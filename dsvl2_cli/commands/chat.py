"""`dsvl2 chat`: a conversation about documents. This file is the command line; `dsvl2_cli.chatting` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread


@spread
def chat(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", show_default=False, help="Documents or readings to talk about."),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", rich_help_panel=options.INPUT, help="Go on with the last conversation.")
    ] = False,
    read_at_most: options.ReadAtMost = None,
    tiles: options.TilesPerImage = None,
    tokens: options.TokensPerPage = None,
    common: Common = COMMON,
) -> None:
    """Talk about documents: a question a line, answers as they come; /help lists what else can be typed.

    \b
    [cyan]dsvl2 chat contract.pdf[/cyan]
    [cyan]dsvl2 chat -c[/cyan]                        go on where you left
    [cyan]dsvl2 chat plan.png < questions.txt[/cyan]  a turn for each line
    """
    with common.session() as now:
        from dsvl2_cli.chatting import ChatPlan, chat_about

        chat_about(ChatPlan(tuple(files or ()), go_on, read_at_most, tiles, tokens), common, now)
