"""The embedded model's characters, in an order that never changes.

Token ids of the embedded model are ``[special tokens][CHARACTERS in order][location tokens]``, so an entry may be
appended before a new model is trained but never moved. Characters that print alike are one entry: ``NORMALISE`` maps
the other code points to it, because a reader of pictures cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable

_ASCII = "".join(chr(code) for code in range(32, 127))
_LATIN_1_SIGNS = "¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿"
_LATIN_1_LETTERS = "".join(chr(code) for code in range(0xC0, 0x100))  # × and ÷ lie among them
_LATIN_EXTENDED = "ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŪūŮůŰűŲųŸŹźŻżŽžȘșȚț"
_TYPOGRAPHY = "„“”‚‘’–—…•†‡‹›™€‰№→←↑↓↔⇒✓✗☐☑■●○▶★"
_MATHS = "≤≥≠≈≡±×÷−∞√∑∏∫∂∇∈∉⊂⊆∩∪∧∨¬∀∃∅′″⅓⅔⅛⟨⟩"
_GREEK = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλνξπρςστυφχψωάέήίόύώ"


def _unique(characters: Iterable[str]) -> str:
    return "".join(dict.fromkeys(characters))


#: Every character the model can write; the position is the class index.
CHARACTERS: str = _unique(
    "\n\t" + _ASCII + _LATIN_1_SIGNS + _LATIN_1_LETTERS + _LATIN_EXTENDED + _TYPOGRAPHY + _MATHS + _GREEK
)
#: Character -> class index.
INDEX: dict[str, int] = {character: index for index, character in enumerate(CHARACTERS)}
#: Single code points that print several letters: drawn as one glyph, labelled as letters.
LIGATURES: dict[str, str] = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"}
#: Code points that look like another entry, or like several.
NORMALISE: dict[str, str] = {
    **LIGATURES,
    "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ", "\u200a": " ",
    "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "",
    "‐": "-", "‑": "-", "‒": "–", "―": "—", "⁃": "•", "∙": "·", "⋅": "·", "⋯": "…",
    "μ": "µ", "∆": "Δ", "\u2126": "Ω", "\u212b": "Å", "Μ": "M", "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H",
    "Ι": "I", "Κ": "K", "Ν": "N", "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X", "ο": "o", "ϕ": "φ", "ϵ": "ε",
    "ŉ": "'n", "⁄": "/", "∕": "/", "∖": "\\", "∣": "|", "⇐": "←", "➔": "→", "✔": "✓", "✘": "✗", "◆": "■", "◼": "■",
    "▸": "▶", "►": "▶", "◯": "○", "⬤": "●", "〈": "⟨", "〉": "⟩", "‟": "“", "‛": "‘", "□": "☐", "▪": "■", "◦": "○",
    "∼": "~", "∗": "*", "⩽": "≤", "⩾": "≥",
}  # fmt: skip

#: Twins that renderers may draw under the label of their charset entry.
ALIASES: dict[str, str] = {key: value for key, value in NORMALISE.items() if key in "□▪◦∗"}

_TABLE = str.maketrans({key: value for key, value in NORMALISE.items() if len(key) == 1})


def normalise(text: str) -> str:
    """Replace look-alike code points by the entry of the charset; unknown characters stay."""
    return text.translate(_TABLE)


def covered(text: str) -> bool:
    """Whether every character of ``text`` has an index."""
    return all(character in INDEX for character in text)


def encode(text: str) -> list[int]:
    """Class indices of ``text`` [n]; raises KeyError for a character outside the charset."""
    return [INDEX[character] for character in text]


def decode(indices: Iterable[int]) -> str:
    """The characters of class indices."""
    return "".join(CHARACTERS[index] for index in indices)
