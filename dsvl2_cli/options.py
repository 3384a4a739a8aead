"""Options that several commands share, so that they are spelled and explained alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

INPUT, PAGES, MODEL, OUTPUT, RUN = "Input", "Pages", "Model", "Output", "Run"

Json = Annotated[
    bool,
    typer.Option("--json", rich_help_panel=OUTPUT, help="One JSON object on standard output, errors included."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=RUN, help="Only errors on standard error.")]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        metavar="",
        show_default=False,
        rich_help_panel=RUN,
        help="More detail; -vv for all.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", rich_help_panel=RUN, help="Show a traceback with an error.")]
Offline = Annotated[
    bool | None,
    typer.Option("--offline", show_default=False, rich_help_panel=RUN, help="Refuse every network connection."),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|DIR",
        show_default="nano",
        rich_help_panel=MODEL,
        help="nano, tiny, small, base, a folder, or org/name from the Hugging Face cache.",
    ),
]
PageList = Annotated[
    str | None,
    typer.Option(
        "--pages",
        metavar="LIST",
        show_default="all",
        rich_help_panel=PAGES,
        help="Pages in qpdf's grammar, counted from 1: 1-3,8  r2  z  1-z:odd  1-9,x4",
    ),
]
Dpi = Annotated[
    float | None,
    typer.Option(
        "--dpi", metavar="N", rich_help_panel=PAGES, show_default="the model's", help="Resolution to draw PDF pages at."
    ),
]
MaxPages = Annotated[
    int | None,
    typer.Option("--max-pages", metavar="N", rich_help_panel=PAGES, help="Refuse to read more pages; 0: no limit."),
]
MaxMegapixels = Annotated[
    float | None,
    typer.Option(
        "--max-megapixels", metavar="N", rich_help_panel=PAGES, help="Refuse larger page images; 0: no limit."
    ),
]
MaxMegabytes = Annotated[
    float | None,
    typer.Option("--max-megabytes", metavar="N", rich_help_panel=INPUT, help="Refuse larger files; 0: no limit."),
]
PasswordFile = Annotated[
    str | None,
    typer.Option(
        "--password-file", metavar="FILE", rich_help_panel=INPUT, help="File whose first line is the PDF password."
    ),
]
PasswordEnv = Annotated[
    str | None,
    typer.Option(
        "--password-env",
        metavar="NAME",
        show_default="DSVL2_PASSWORD",
        rich_help_panel=INPUT,
        help="Environment variable that holds the PDF password.",
    ),
]


def verbosity(quiet: bool, verbose: int) -> int:
    """-q wins over -v."""
    return -1 if quiet else verbose
