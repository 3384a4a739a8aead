"""Gathers the text corpus and the fonts for training: ``python -m dsvl2.pipelines.training.collect --out DIR``.

Debian packages are downloaded and unpacked into a cache folder; nothing is installed. The result is ``corpus.txt``
(one paragraph a line: two letters of language, a tab, the text; held-out paragraphs last), ``fonts/`` and
``meta.json``, and the three as one ``.tar.xz``. With the same packages and seed the result is the same.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import subprocess
import tarfile
from pathlib import Path

from dsvl2.pipelines.training.charset import CHARACTERS
from dsvl2.pipelines.training.fontpack import PackedFace, face_record, pack_fonts
from dsvl2.pipelines.training.harvest import FORBIDDEN, harvest, sources

_log = logging.getLogger(__name__)
HELD_OUT_SHARE = 0.02
TEXT_PACKAGES = [
    "python3.11-doc",
    "postgresql-doc-15",
    "git-doc",
    "gnome-user-docs",
    "dict-foldoc",
    "dict-jargon",
    "dict-gcide",
    "dict-devil",
    "fortunes",
    "perl-doc",
    "manpages",
    "manpages-dev",
    "debian-policy",
    "exim4-doc-html",
    "vim-doc",
    "harden-doc",
    "debian-handbook",
    "debian-history",
    "sqlite3-doc",
    "base-files",
    "anarchism",
    "libsoftware-license-perl",
    "wfrench",
    "wngerman",
    "wspanish",
    "witalian",
    "wportuguese",
    "wpolish",
    "wdutch",
    "wswedish",
    "wdanish",
    "manpages-de",
    "manpages-fr",
    "manpages-es",
    "manpages-it",
    "manpages-pl",
    "manpages-pt-br",
    "manpages-tr",
    "manpages-hu",
    "manpages-cs",
    "manpages-ro",
    "manpages-nl",
    "manpages-sv",
    "libreoffice-help-en-us",
    "libreoffice-help-de",
    "libreoffice-help-fr",
    "libreoffice-help-es",
    "libreoffice-help-it",
    "libreoffice-help-pl",
    "libreoffice-help-cs",
    "libreoffice-help-hu",
    "libreoffice-help-tr",
    "libreoffice-help-pt",
    "libreoffice-help-sv",
    "libreoffice-help-nl",
    "libreoffice-help-da",
    "libreoffice-help-sl",
]
FONT_PACKAGES = [
    f"fonts-{name}"
    for name in [
        "liberation2",
        "croscore",
        "dejavu-core",
        "dejavu-extra",
        "noto-core",
        "noto-mono",
        "lmodern",
        "cmu",
        "texgyre",
        "urw-base35",
        "ebgaramond",
        "ebgaramond-extra",
        "roboto-unhinted",
        "roboto-slab",
        "open-sans",
        "lato",
        "freefont-otf",
        "linuxlibertine",
        "crosextra-carlito",
        "crosextra-caladea",
        "stix",
        "sil-gentiumplus",
        "sil-gentium-basic",
        "courier-prime",
        "ocr-a",
        "ocr-b",
        "vollkorn",
        "cantarell",
        "inconsolata",
        "hack",
        "firacode",
        "jetbrains-mono",
        "oldstandard",
        "gfs-didot",
        "gfs-artemisia",
        "junicode",
        "century-catalogue",
        "adf-accanthis",
        "adf-baskervald",
        "adf-gillius",
        "adf-romande",
        "adf-universalis",
        "adf-libris",
        "prociono",
        "anonymous-pro",
        "cabin",
        "cardo",
        "fanwood",
        "goudybookletter",
        "inter",
        "gnutypewriter",
        "lindenhill",
        "tiresias",
        "essays1743",
        "averia-serif-gwf",
        "karla",
        "levien-typoscript",
        "play",
        "yanone-kaffeesatz",
        "dosis",
        "league-mono",
        "mononoki",
        "fantasque-sans",
        "quicksand",
        "sil-doulos",
        "go",
        "b612",
        "clear-sans",
        "comic-neue",
        "quattrocento",
        "paratype",
        "tuffy",
        "manrope",
        "opendin",
        "osifont",
        "gfs-bodoni-classic",
        "gfs-baskerville",
        "junction",
        "arapey",
        "georgewilliams",
        "glasstty",
        "3270",
        "pc",
        "dotgothic16",
        "tlwg-typist-ttf",
        "tlwg-typewriter-ttf",
        "yrsa-rasa",
        "arkpandora",
        "elstob",
        "dustin",
        "oxygen",
    ]
]


def fetch_packages(names: list[str], cache: Path) -> Path:
    """Download and unpack packages below ``cache``; return the folder with one folder for each package."""
    debs, unpacked = cache / "debs", cache / "x"
    debs.mkdir(parents=True, exist_ok=True)
    for name in names:
        target = unpacked / name
        if target.is_dir():
            continue
        if not list(debs.glob(f"{name}_*.deb")):
            result = subprocess.run(
                ["apt-get", "download", name], cwd=debs, capture_output=True, text=True, check=False
            )
            if result.returncode:
                _log.warning("package %s is not available: %s", name, result.stderr.strip()[-200:])
                continue
        target.mkdir(parents=True)
        subprocess.run(["dpkg", "-x", str(next(debs.glob(f"{name}_*.deb"))), str(target)], check=True)
    return unpacked


def collect_text(unpacked: Path, seed: int) -> tuple[list[str], list[str], dict[str, int]]:
    """Corpus lines for training, held-out lines, and the characters that each source gave."""
    rng = random.Random(seed)
    lines: list[str] = []
    sizes: dict[str, int] = {}
    for source in sources():
        paragraphs = harvest(source, unpacked, rng)
        sizes[source.name] = sum(map(len, paragraphs))
        lines += [f"{source.language}\t{paragraph}" for paragraph in paragraphs]
        _log.info("%s: %d paragraphs, %d characters", source.name, len(paragraphs), sizes[source.name])
    lines = list(dict.fromkeys(lines))
    rng.shuffle(lines)
    cut = int(len(lines) * (1 - HELD_OUT_SHARE))
    return lines[:cut], lines[cut:], sizes


def write_meta(out: Path, faces: list[PackedFace], train: list[str], held: list[str], sizes: dict[str, int]) -> None:
    """Write ``meta.json``: the charset it was made for, the split, the sources and the faces."""
    meta = {
        "characters": CHARACTERS, "train_lines": len(train), "held_out_lines": len(held),
        "held_out_families": sorted({face.family for face in faces if face.held_out}), "never_used": list(FORBIDDEN),
        "sources": sizes, "faces": [face_record(face) for face in faces],
    }  # fmt: skip
    (out / "meta.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1), encoding="utf-8")


def main() -> None:
    """Gather everything and pack it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="where packages are kept (default: OUT/cache)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep-fonts", action="store_true", help="reuse the faces that OUT already holds")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    unpacked = fetch_packages(TEXT_PACKAGES + FONT_PACKAGES, arguments.cache or out / "cache")
    if arguments.keep_fonts:
        faces = [PackedFace(**face) for face in json.loads((out / "meta.json").read_text("utf-8"))["faces"]]
    else:
        faces = pack_fonts(unpacked, out / "fonts")
    train, held, sizes = collect_text(unpacked, arguments.seed)
    (out / "corpus.txt").write_text("\n".join(train + held) + "\n", encoding="utf-8")
    write_meta(out, faces, train, held, sizes)
    with tarfile.open(out / "nano-data.tar.xz", "w:xz") as archive:
        for name in ("corpus.txt", "fonts", "meta.json"):
            archive.add(out / name, name)
    _log.info(
        "%d faces, %d lines, %.1f MB packed", len(faces), len(train), (out / "nano-data.tar.xz").stat().st_size / 1e6
    )


if __name__ == "__main__":
    main()
