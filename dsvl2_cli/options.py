"""Options that several commands share, so that they are spelled and explained alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli.completing import MODELS, SCHEMES, words

INPUT, PAGES, MODEL, OUTPUT, RUN = "Input", "Pages", "Model", "Output", "Run"

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        rich_help_panel=OUTPUT,
        help="JSON on standard output, errors included: one object; of several questions or documents one a line.",
    ),
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
        autocompletion=words(*MODELS),
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
FilesFrom = Annotated[
    str | None,
    typer.Option(
        "--files-from",
        metavar="FILE|-",
        rich_help_panel=INPUT,
        help="Read paths from a file: one a line, or ended by NUL bytes.",
    ),
]
TextLayer = Annotated[
    str | None,
    typer.Option(
        "--text-layer",
        metavar="auto|force|ignore",
        autocompletion=words("auto", "force", "ignore"),
        rich_help_panel=PAGES,
        show_default="auto",
        help="Use the text that PDF pages carry: where it is good, wherever there is any, or never.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        autocompletion=words("auto", "cpu", "cuda"),
        rich_help_panel=MODEL,
        show_default="auto",
        help="auto, cpu, cuda or cuda:N.",
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        autocompletion=words("bfloat16", "float16", "float32"),
        rich_help_panel=MODEL,
        show_default="the model's",
        help="Number format, for example bfloat16.",
    ),
]
Quant = Annotated[
    str | None,
    typer.Option(
        "--quant",
        metavar="SCHEME",
        autocompletion=words(*SCHEMES),
        rich_help_panel=MODEL,
        show_default="the model's",
        help="Round full weights at load: 4bit, 8bit, e4a8, w4, nf4, int8, int8-bnb.",
    ),
]
Adapter = Annotated[
    str | None,
    typer.Option("--adapter", metavar="DIR", rich_help_panel=MODEL, help="Merge a LoRA adapter (PEFT) into the model."),
]
Kv = Annotated[
    str | None,
    typer.Option(
        "--kv",
        metavar="8bit",
        autocompletion=words("8bit"),
        rich_help_panel=MODEL,
        show_default="full",
        help="Keep keys and values in 8 bits: half the cache (tiny; the larger models keep latents).",
    ),
]
Deterministic = Annotated[
    bool | None,
    typer.Option(
        "--deterministic",
        show_default=False,
        rich_help_panel=MODEL,
        help="On a GPU: no bit of an answer depends on what else is read; slower. A CPU always works so.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", rich_help_panel=MODEL, show_default="one per core", help="CPU threads."),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size", metavar="N", rich_help_panel=MODEL, help="Pages read together; never changes the text."
    ),
]
PageTimeout = Annotated[
    float | None,
    typer.Option("--page-timeout", metavar="S", rich_help_panel=RUN, show_default="600; other models than nano: none",
                 help="Seconds that a page may take; it fails then, and the others are read. 0: no limit."),
]  # fmt: skip
PageMarkers = Annotated[
    bool | None,
    typer.Option(
        "--page-markers/--no-page-markers", rich_help_panel=OUTPUT, show_default="no", help="Mark where pages begin."
    ),
]
FrontMatter = Annotated[
    bool | None,
    typer.Option(
        "--front-matter/--no-front-matter",
        rich_help_panel=OUTPUT,
        show_default="no",
        help="Begin with source, model and options (YAML in Markdown).",
    ),
]
Force = Annotated[bool, typer.Option("--force", rich_help_panel=OUTPUT, help="Replace existing output files.")]
KeepSuffix = Annotated[
    bool,
    typer.Option(
        "--keep-suffix",
        rich_help_panel=OUTPUT,
        help="In a folder: scan.pdf.md, not scan.md, so that scan.pdf and scan.jpg do not meet.",
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="never|partial|failure|doubt",
        autocompletion=words("never", "partial", "failure", "doubt"),
        rich_help_panel=RUN,
        show_default="partial",
        help="What makes the exit code non-zero: nothing, a failed page, a document without one page read, or a failed "
        "page or one in doubt (below --min-confidence, most words likely wrong, text missed or made up).",
    ),
]
Review = Annotated[
    str | None,
    typer.Option(
        "--review",
        metavar="FILE|DIR",
        rich_help_panel=OUTPUT,
        show_default="none",
        help="Also write an HTML page to check and correct the text beside the scan; see dsvl2 review.",
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        metavar="X",
        rich_help_panel=OUTPUT,
        show_default="no marks",
        help="Mark words that are less sure than this, 0 to 1: [?] in Markdown and text, <mark> in HTML, a flag in JSON.",
    ),
]
Progress = Annotated[
    str | None,
    typer.Option(
        "--progress",
        metavar="auto|always|never|json",
        autocompletion=words("auto", "always", "never", "json"),
        rich_help_panel=RUN,
        show_default="auto",
        help="Progress on standard error: a bar on a terminal, or NDJSON events.",
    ),
]
OneOutput = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE|-", rich_help_panel=OUTPUT, show_default="-", help="Where to write the result."
    ),
]
TilesPerImage = Annotated[
    int | None,
    typer.Option(
        "--tiles-per-image",
        min=1,
        metavar="N",
        rich_help_panel=MODEL,
        show_default="what the checkpoint knows",
        help="Tiles that an image is cut into at most, with any number of images (whole-page models).",
    ),
]
TokensPerPage = Annotated[
    int | None,
    typer.Option(
        "--max-tokens-per-page",
        min=64,
        metavar="N",
        rich_help_panel=MODEL,
        show_default="what the context holds",
        help="Tokens that one page may take: of its image, or of its text at a time.",
    ),
]
ReadAtMost = Annotated[
    int | None,
    typer.Option(
        "--read-at-most",
        min=1,
        metavar="N",
        rich_help_panel=PAGES,
        show_default="30, and a plan for more",
        help="Pages without text of their own to read at most; the first N are read, the others are named.",
    ),
]


def verbosity(quiet: bool, verbose: int) -> int:
    """-q wins over -v."""
    return -1 if quiet else verbose
