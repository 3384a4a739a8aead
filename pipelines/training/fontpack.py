"""Chooses font files, cuts them down to the charset and describes each face.

A packed face holds only the glyphs of the charset, its kerning, and ligature code points; hints are dropped because
bands are drawn unhinted, as PDF rasterisers and scanners show type. Small-caps faces are made from the ``smcp``
feature of fonts that have one.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import ImageFont

from dsvl2.pipelines.training.charset import ALIASES, CHARACTERS, LIGATURES

_log = logging.getLogger(__name__)
_PROBE_SIZE = 100  # px per em for measuring
_SPACES = "\n\t "
#: Beyond ASCII these draw code boxes, or straight quotes for curly ones.
_ASCII_ONLY = frozenset({"VT220", "OCR-A", "OCR-B"})

#: (family, relative weight, held out, file stem pattern); a file belongs to the first row it matches.
FACES: tuple[tuple[str, float, bool, str], ...] = (
    ("Liberation Sans", 5, False, r"LiberationSans-"), ("Liberation Serif", 5, False, r"LiberationSerif-"),
    ("Liberation Mono", 2, False, r"LiberationMono-"), ("Arimo", 2, False, r"Arimo-"),
    ("Tinos", 2, False, r"Tinos-"), ("Cousine", 1, False, r"Cousine-"), ("Carlito", 4, False, r"Carlito-"),
    ("Caladea", 2, False, r"Caladea-"), ("DejaVu Sans", 2, False, r"DejaVuSans(-(?!Ex)\w+)?$"),
    ("DejaVu Serif", 2, False, r"DejaVuSerif(-\w+)?$"), ("DejaVu Sans Mono", 1, False, r"DejaVuSansMono"),
    ("DejaVu Sans Condensed", 1, False, r"DejaVuSansCondensed"),
    ("DejaVu Serif Condensed", 1, False, r"DejaVuSerifCondensed"),
    ("Noto Sans", 2, False, r"NotoSans-(Regular|Bold|Italic|BoldItalic|Medium|Light)$"),
    ("Noto Serif", 2, False, r"NotoSerif-(Regular|Bold|Italic|BoldItalic)$"),
    ("Noto Mono", 1, False, r"(NotoMono|NotoSansMono)-(Regular|Bold)$"),
    ("Noto Serif Display", 1, False, r"NotoSerifDisplay-(Regular|Bold|Italic)$"),
    ("Latin Modern Roman", 4, False, r"lmroman(10|12)-(regular|bold|italic|bolditalic)$"),
    ("Latin Modern Small", 2, False, r"lmroman(6|8|9)-(regular|italic)$"),
    ("Latin Modern Display", 1, False, r"lmroman17-regular$"),
    ("Latin Modern Slanted", 1, False, r"lmromanslant10-(regular|bold)$"),
    ("Latin Modern Sans", 2, False, r"lmsans10-(regular|bold|oblique)$"),
    ("Latin Modern Sans Condensed", 1, False, r"lmsansdemicond10-"),
    ("Latin Modern Mono", 2, False, r"lmmono10-(regular|italic)$"),
    ("Latin Modern Mono Light", 1, False, r"lmmonolt10-(regular|bold)$"),
    ("Latin Modern Mono Prop", 1, False, r"lmmonoprop10-regular$"),
    ("CMU Serif", 3, False, r"cmun(rm|bx|ti|bi)$"), ("CMU Sans", 1, False, r"cmun(ss|sx|si)$"),
    ("CMU Typewriter", 1, False, r"cmun(tt|tb|it)$"), ("CMU Bright", 1, False, r"cmun(bmr|bbx)$"),
    ("CMU Concrete", 1, False, r"cmunor?m$"),
    ("TeX Gyre Termes", 3, False, r"texgyretermes-(?!math)"), ("TeX Gyre Heros", 3, False, r"texgyreheros-(?!math)"),
    ("TeX Gyre Heros Condensed", 1, False, r"texgyreheroscn-"), ("TeX Gyre Pagella", 3, False, r"texgyrepagella-(?!m)"),
    ("TeX Gyre Schola", 2, False, r"texgyreschola-(?!math)"), ("TeX Gyre Cursor", 2, False, r"texgyrecursor-"),
    ("TeX Gyre Adventor", 1, False, r"texgyreadventor-"), ("Bookman", 1, True, r"(texgyrebonum|URWBookman)-(?!math)"),
    ("Nimbus Roman", 3, False, r"NimbusRoman-"), ("Nimbus Sans", 3, False, r"NimbusSans-"),
    ("Nimbus Sans Narrow", 2, False, r"NimbusSansNarrow-"), ("Nimbus Mono", 2, False, r"NimbusMonoPS-"),
    ("C059", 2, False, r"C059-"), ("P052", 2, False, r"P052-"), ("URW Gothic", 1, False, r"URWGothic-"),
    ("EB Garamond", 2, False, r"EBGaramond(08|12)-(Regular|Italic|Bold)$"), ("Roboto", 3, False,
    r"Roboto-(?!Thin|Black)"),
    ("Roboto Condensed", 1, False, r"RobotoCondensed-(Regular|Bold|Italic|Light)$"),
    ("Roboto Slab", 1, False, r"RobotoSlab-(Reg|Bold|Light)"),
    ("Open Sans", 3, False, r"OpenSans-(Regular|Bold|Italic|BoldItalic|Light|Semibold)$"),
    ("Open Sans Condensed", 1, False, r"OpenSans-Cond"),
    ("Lato", 2, False, r"Lato-(Regular|Bold|Italic|BoldItalic|Light|Semibold)$"),
    ("FreeSans", 1, False, r"FreeSans(Bold|Oblique)?$"), ("FreeSerif", 1, False, r"FreeSerif(Bold|Italic)?$"),
    ("FreeMono", 1, False, r"FreeMono(Bold)?$"), ("Libertine", 3, False, r"LinLibertine_(R|RB|RI|RBI|RZ)$"),
    ("Biolinum", 1, False, r"LinBiolinum_(R|RB|RI)$"),
    ("STIX", 3, False, r"STIX(-|General-)(Regular|Bold|Italic|BoldItalic)$"),
    ("Gentium", 1, True, r"(GentiumPlus|GenBas|GenBkBas)"), ("Courier Prime", 2, False, r"Courier[ _]Prime"),
    ("OCR-A", 0.3, False, r"OCRA$"), ("OCR-B", 0.5, False, r"OCRB$"), ("Vollkorn", 1, True, r"Vollkorn-(Reg|Bold$|It)"),
    ("Cantarell", 1, False, r"Cantarell-(Regular|Bold|Light)$"), ("Inconsolata", 1, False, r"Inconsolata$"),
    ("Hack", 1, False, r"Hack-(Regular|Bold)$"), ("Fira Code", 1, False, r"FiraCode-(Regular|Bold)$"),
    ("JetBrains Mono", 1, False, r"JetBrainsMono-(Regular|Bold|Italic)$"), ("Old Standard", 1, True, r"OldStandard-"),
    ("Didot", 1, False, r"GFSDidot(Bold|Italic)?$"), ("Artemisia", 1, False, r"GFSArtemisia(Bold|It)?$"),
    ("GFS Neohellenic", 1, False, r"GFSNeohellenic"),
    ("Junicode", 1, False, r"Junicode\w*-(Regular|Bold|Italic|Condensed|CondensedMedium)$"),
    ("Century Catalogue", 1, False, r"Century-Catalogue$"),
    ("Accanthis", 1, False, r"AccanthisADFStdNo3-(Regular|Bold|Italic)$"),
    ("Baskervald", 1, False, r"BaskervaldADFStd(-Bold|-Italic)?$"),
    ("Gillius", 1, False, r"GilliusADF-(Regular|Bold|Cond)$"), ("Universalis", 1, False,
    r"UniversalisADFStd-(Reg|Cond$)"),
    ("Romande", 1, False, r"RomandeADFStd-(Regular|Italic)$"), ("Libris", 1, False, r"LibrisADFStd-(Regular|Bold)$"),
    ("Anonymous Pro", 1, False, r"Anonymous Pro( B)?$"), ("Cabin", 1, False, r"Cabin-(Regular|Bold|Italic)$"),
    ("Cardo", 1, False, r"Cardo\d+s?$|Cardoi99"), ("Fanwood", 1, False, r"FanwoodText"), ("Prociono", 1, False,
    r"Prociono"),
    ("Goudy", 1, False, r"GoudyBookletter"), ("GNU Typewriter", 1, False, r"GNUTypewriter"),
    ("Linden Hill", 1, False, r"LindenHill"), ("Tiresias", 1, False, r"tiresias_(info|lp)font(_italic|_bold)?$"),
    ("Essays 1743", 0.3, False, r"Essays1743$"), ("Averia Serif", 0.5, False, r"AveriaSerifGWF-(Regular|Bold)$"),
    ("Karla", 1, False, r"Karla-(Regular|Bold|Italic)$"), ("TypoScript", 0.5, False, r"TypoScript"),
    ("Play", 0.5, False, r"Play-Regular"), ("Kaffeesatz", 0.5, False, r"YanoneKaffeesatz-(Regular|Bold)$"),
    ("Dosis", 0.5, False, r"Dosis-(Book|Bold)$"), ("League Mono", 1, False,
    r"LeagueMono-(Regular|Narrow|Wide)?(Regular)?$"),
    ("Inter", 2, False, r"Inter-(Regular|Bold|Italic|Medium|Light)$"), ("Mononoki", 0.5, False, r"mononoki-Regular"),
    ("Fantasque", 0.3, False, r"FantasqueSansMono-Regular"), ("Quicksand", 0.5, False, r"Quicksand-(Regular|Bold)$"),
    ("Doulos", 1, False, r"DoulosSIL-Regular"), ("Go", 1, True, r"Go-"), ("B612", 1, True,
    r"B612(Mono)?-(Regular|Bold|Italic)$"),
    ("Clear Sans", 1, True, r"ClearSans-(Regular|Bold|Italic)$"), ("Comic Neue", 0.4, False,
    r"ComicNeue-(Regular|Bold)$"),
    ("Quattrocento", 1, False, r"Quattrocento-"), ("PT Serif", 1, True, r"PTF\d\dF|PTZ\d\dF"),
    ("PT Sans", 1, True, r"PT[SN]\d\dF"), ("Tuffy", 1, False, r"Tuffy(_Bold|_Italic)?$"),
    ("Manrope", 1, False, r"Manrope-(Regular|Bold)$"), ("DIN", 0.5, False, r"OSP-DIN"), ("osifont", 0.5, False,
    r"osifont"),
    ("Bodoni Classic", 0.5, False, r"GFSBodoniClassic"), ("GFS Baskerville", 0.5, False, r"GFSBaskerville$"),
    ("Junction", 1, False, r"Junction$"), ("Arapey", 1, False, r"Arapey-Regular$"), ("GW Mono", 0.5, False,
    r"GWMonospace$"),
    ("Caslon", 0.5, False, r"CaslonRoman$"), ("VT220", 0.4, False, r"Glass_TTY"), ("3270", 0.4, False,
    r"3270-Regular|3270Semi"),
    ("IBM VGA", 0.3, False, r"Px_IBM_(VGA9|MDA)$"), ("Dot Gothic", 0.3, False, r"DotGothic16"),
    ("Tlwg Typist", 1, False, r"TlwgTypist(-Bold|-Oblique)?$"), ("Tlwg Typewriter", 1, False,
    r"TlwgTypewriter(-Bold)?$"),
    ("Yrsa", 1, False, r"Yrsa-(Regular|Bold|Italic)$"), ("Tymes", 1, False, r"Tymes"), ("Aerial", 1, False,
    r"Aerial(Bd|It)?$"),
    ("Veranda", 2, False, r"Veranda"), ("Elstob", 1, True, r"ElstobD-(Regular|Italic|Bold)$"),
    ("Dustismo", 0.5, False, r"Dustismo(_Roman)?$"), ("Oxygen", 1, False, r"Oxygen-Sans"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackedFace:
    """One face of the packed data; lengths are fractions of the em."""

    file: str
    family: str
    weight: float
    held_out: bool
    bold: bool
    italic: bool
    mono: bool
    small_caps: bool
    x_height: float
    cap_height: float
    cover: str  # characters of the charset, and ligature code points, that it really draws


def pack_fonts(folder: Path, out: Path) -> list[PackedFace]:
    """Cut every listed font below ``folder`` and write the faces to ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    faces: list[PackedFace] = []
    for path, family, weight, held_out in _listed(folder):
        for small_caps in (False, True):
            try:
                data = _subset(path, small_caps)
                face = data and _describe(data, path, family, weight, held_out, small_caps)
            except Exception as error:  # a broken font of a distribution is left out, never fatal
                _log.warning("font %s left out: %s", path.name, error)
                continue
            if data and face:
                (out / face.file).write_bytes(data)
                faces.append(face)
    return faces


def face_record(face: PackedFace) -> dict[str, Any]:
    """The face as a JSON object."""
    return asdict(face)


def _listed(folder: Path) -> Iterator[tuple[Path, str, float, bool]]:
    seen: set[str] = set()
    paths = sorted(
        (p for s in ("ttf", "otf") for p in folder.rglob(f"*.{s}")), key=lambda p: (p.stem, p.suffix, str(p))
    )
    for path in paths:
        row = next((row for row in FACES if re.match(row[3], path.stem)), None)
        if row and path.stem not in seen and path.is_file():
            seen.add(path.stem)
            yield path, row[0], row[1], row[2]


def _small_caps_map(font: TTFont) -> dict[str, str]:
    mapping: dict[str, str] = {}
    table = font["GSUB"].table if "GSUB" in font else None
    if table is None or table.FeatureList is None:
        return mapping
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag != "smcp":
            continue
        for index in record.Feature.LookupListIndex:
            for wrapped in table.LookupList.Lookup[index].SubTable:
                single = getattr(wrapped, "ExtSubTable", wrapped)
                if single.LookupType == 1:
                    mapping.update(single.mapping)
    return mapping


def _subset(path: Path, small_caps: bool) -> bytes | None:
    font = TTFont(path, lazy=False)
    if "fvar" in font:
        return None
    wanted = {ord(c) for c in CHARACTERS if c not in "\n\t"} | {ord(c) for c in (*LIGATURES, *ALIASES)}
    if small_caps:
        swap = _small_caps_map(font)
        best = dict(font.getBestCmap())  # the tables below are changed in place
        lower = [c for c in map(chr, wanted) if c.islower() and best.get(ord(c)) in swap]
        if "a" not in lower or "z" not in lower:
            return None
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap.update({ord(c): swap[best[ord(c)]] for c in lower if ord(c) in table.cmap})
        wanted -= {ord(c) for c in (*LIGATURES, *CHARACTERS) if c.islower() and c not in lower}
    options = Options(
        hinting=False, layout_features=["kern"], name_IDs=[1, 2], notdef_outline=True, glyph_names=False,
        recommended_glyphs=False, legacy_kern=True, drop_tables=[*Options._drop_tables_default, "MATH", "DSIG", "FFTM"],
    )  # fmt: skip
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def _describe(
    data: bytes, path: Path, family: str, weight: float, held_out: bool, small_caps: bool
) -> PackedFace | None:
    font = TTFont(io.BytesIO(data))
    probe = ImageFont.truetype(io.BytesIO(data), _PROBE_SIZE, layout_engine=ImageFont.Layout.BASIC)
    cover = _cover(font.getBestCmap(), probe)
    if family in _ASCII_ONLY:
        cover = "".join(filter(str.isascii, cover))
    if small_caps:  # drawn as SS, I, M, or in the wrong size
        cover = "".join(character for character in cover if character not in "ßıµªºŉ")
    if not all(c in cover for c in map(chr, range(33, 127))):
        _log.warning("font %s left out: ASCII is not complete", path.name)
        return None
    bold, italic, drawn_small = look_of(path.stem)
    advances = {probe.getlength(c) for c in "ilmW.@"}
    x_height, cap_height = (-probe.getbbox(c, anchor="ls")[1] / _PROBE_SIZE for c in ("x", "H"))
    suffix = "-sc" if small_caps else ""
    return PackedFace(
        file=path.stem.replace(" ", "_") + suffix + path.suffix, family=family, weight=weight, held_out=held_out,
        bold=bold, italic=italic, mono=len(advances) == 1, small_caps=small_caps or drawn_small,
        x_height=round(x_height, 4), cap_height=round(cap_height, 4), cover=cover,
    )  # fmt: skip


def look_of(stem: str) -> tuple[bool, bool, bool]:
    """Bold, italic, small caps: as the file's name says."""
    name = stem.lower().replace(" ", "_")
    bold = re.search(
        r"bold|semib|bd(it|ita)?$|demi(?!cond)|heavy|black|cmun(bx|bi|sx|tb|bbx)|_rb|_rz|pt\w7\df|[_s]bi?$", name
    )
    italic = re.search(
        r"ital|obli|slant|(?<!cmun)it$|bdita$|_ri|_rbi|cmun(ti|bi|si|it)$|i99|pt\w\d6f|pt\w77f|bas(b?i)$", name
    )
    return bool(bold), bool(italic), "smallcaps" in name or "caps10" in name


def _cover(cmap: Mapping[int, str], probe: ImageFont.FreeTypeFont) -> str:
    def picture(character: str) -> bytes:
        mask = probe.getmask(character)
        return np.asarray(mask, np.uint8).tobytes() + repr(mask.size).encode()

    missing = picture("\U000e0fff")
    kept = " "
    for character in (*CHARACTERS, *LIGATURES, *ALIASES):
        if character in _SPACES or cmap.get(ord(character), ".notdef") == ".notdef":
            continue
        shape = picture(character)
        # A box for "missing", and accents that were never drawn, would be lies in the labels.
        if shape != missing and any(shape) and not _unaccented(character, shape, picture):
            kept += character
    return kept


def _unaccented(character: str, shape: bytes, picture: Callable[[str], bytes]) -> bool:
    base = unicodedata.normalize("NFD", character)[0]
    return base != character and base.isascii() and shape == picture(base)
