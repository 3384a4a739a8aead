"""`dsvl2 completion SHELL`: the script that teaches a shell to complete dsvl2's commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dsvl2_cli.session import session


class Shell(StrEnum):
    """Shells for which a script exists."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(
    shell: Annotated[
        Shell,
        typer.Argument(
            metavar="SHELL", help="bash, zsh or fish: the shell to write the script for.", show_default=False
        ),
    ],
) -> None:
    """Print a completion script.

    bash: dsvl2 completion bash > ~/.local/share/bash-completion/completions/dsvl2

    zsh: dsvl2 completion zsh > a folder of $fpath, as _dsvl2

    fish: dsvl2 completion fish > ~/.config/fish/completions/dsvl2.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # not declared, yet documented

    with session() as now:
        script = get_completion_script(prog_name="dsvl2", complete_var="_DSVL2_COMPLETE", shell=shell.value)
        now.results.write(script + "\n")
