"""Write any Unicode text in the LaTeX that pdflatex (T1 fonts, UTF-8 input) takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_RAW = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŊŋŐőŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽžŒœİ"
)
"""Letters that T1 has and inputenc knows: written as they are."""

_ACCENTS = {
    "\u0300": "\\`",
    "\u0301": "\\'",
    "\u0302": "\\^",
    "\u0303": "\\~",
    "\u0304": "\\=",
    "\u0306": "\\u",
    "\u0307": "\\.",
    "\u0308": '\\"',
    "\u030a": "\\r",
    "\u030b": "\\H",
    "\u030c": "\\v",
    "\u0323": "\\d",
    "\u0326": "\\textcommabelow",
    "\u0327": "\\c",
    "\u0328": "\\k",
    "\u0331": "\\b",
}

_ASCII = {
    "\\": "\\textbackslash{}",
    "{": "\\{",
    "}": "\\}",
    "$": "\\$",
    "&": "\\&",
    "%": "\\%",
    "#": "\\#",
    "_": "\\_",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "`": "\\textasciigrave{}",
}

_TEXT = {
    "\u00a0": "~",
    "\u00ad": "\\-",
    "¡": "\\textexclamdown{}",
    "¢": "\\textcent{}",
    "£": "\\textsterling{}",
    "¤": "\\textcurrency{}",
    "¥": "\\textyen{}",
    "¦": "\\textbrokenbar{}",
    "§": "\\textsection{}",
    "¨": "\\textasciidieresis{}",
    "©": "\\textcopyright{}",
    "ª": "\\textordfeminine{}",
    "«": "\\guillemotleft{}",
    "®": "\\textregistered{}",
    "¯": "\\textasciimacron{}",
    "°": "\\textdegree{}",
    "´": "\\textasciiacute{}",
    "µ": "\\textmu{}",
    "μ": "\\textmu{}",
    "¶": "\\textparagraph{}",
    "·": "\\textperiodcentered{}",
    "¸": "\\c{}",
    "º": "\\textordmasculine{}",
    "»": "\\guillemotright{}",
    "¼": "\\textonequarter{}",
    "½": "\\textonehalf{}",
    "¾": "\\textthreequarters{}",
    "¿": "\\textquestiondown{}",
    "ı": "\\i{}",
    "ȷ": "\\j{}",
    "ẞ": "SS",
    "ƒ": "\\textflorin{}",
    "‐": "-",
    "‑": "-",
    "‒": "--",
    "–": "--",
    "—": "---",
    "―": "---",
    "‘": "`",
    "’": "'",
    "‛": "`",
    "ʼ": "'",
    "‚": "\\quotesinglbase{}",
    "“": "``",
    "”": "''",
    "‟": "``",
    "„": "\\quotedblbase{}",
    "‹": "\\guilsinglleft{}",
    "›": "\\guilsinglright{}",
    "†": "\\textdagger{}",
    "‡": "\\textdaggerdbl{}",
    "•": "\\textbullet{}",
    "●": "\\textbullet{}",
    "∙": "\\textbullet{}",
    "▪": "\\textbullet{}",
    "…": "\\textellipsis{}",
    "‰": "\\textperthousand{}",
    "‱": "\\textpertenthousand{}",
    "⁄": "/",
    "₤": "\\textlira{}",
    "₩": "\\textwon{}",
    "₫": "\\textdong{}",
    "€": "\\texteuro{}",
    "№": "\\textnumero{}",
    "℗": "\\textcircledP{}",
    "™": "\\texttrademark{}",
    "Ω": "\\textohm{}",
    "℮": "\\textestimated{}",
    "␣": "\\textvisiblespace{}",
    "☑": "\\leavevmode\\rlap{\\ensuremath{\\square}}\\ensuremath{\\checkmark}",
    "☒": "\\ensuremath{\\boxtimes}",
    "✗": "\\ensuremath{\\times}",
    "✘": "\\ensuremath{\\times}",
    "\u2002": " ",
    "\u2003": "\\quad{}",
    "\u2009": "\\,",
    "\u202f": "\\,",
    "\u200a": "\\,",
    "\u200b": "",
    "\u200c": "",
    "\u200d": "",
    "\u2060": "",
    "\ufeff": "",
}

_MATH_WORDS = """
± pm|× times|÷ div|¬ neg|← leftarrow|↑ uparrow|→ rightarrow|↓ downarrow|↔ leftrightarrow|⇐ Leftarrow|⇒ Rightarrow
⇔ Leftrightarrow|↦ mapsto|∀ forall|∂ partial|∃ exists|∅ emptyset|∆ Delta|∇ nabla|∈ in|∉ notin|∋ ni|∏ prod|∑ sum|∓ mp
∗ ast|∘ circ|√ surd|∝ propto|∞ infty|∠ angle|∧ wedge|∨ vee|∩ cap|∪ cup|∫ int|∮ oint|∼ sim|≃ simeq|≅ cong|≈ approx
≠ neq|≡ equiv|≤ leq|≥ geq|≪ ll|≫ gg|⊂ subset|⊃ supset|⊆ subseteq|⊇ supseteq|⊕ oplus|⊗ otimes|⊥ perp|⋅ cdot|⋯ cdots
⌈ lceil|⌉ rceil|⌊ lfloor|⌋ rfloor|⟨ langle|⟩ rangle|◦ circ|○ bigcirc|◇ diamond|★ star|☆ star|♠ spadesuit|♣ clubsuit
♥ heartsuit|♦ diamondsuit|♭ flat|♮ natural|♯ sharp|ℓ ell|ℵ aleph|ℜ Re|ℑ Im|℘ wp|ℏ hbar|∣ mid|∥ parallel|△ triangle
▲ blacktriangle|▼ blacktriangledown|▶ blacktriangleright|► blacktriangleright|◀ blacktriangleleft|■ blacksquare
□ square|☐ square|✓ checkmark|✔ checkmark|∴ therefore|∵ because|α alpha|β beta|γ gamma|δ delta|ε varepsilon|ζ zeta
η eta|θ theta|ι iota|κ kappa|λ lambda|ν nu|ξ xi|π pi|ρ rho|ς varsigma|σ sigma|τ tau|υ upsilon|φ varphi|χ chi|ψ psi
ω omega|ϑ vartheta|ϕ phi|ϵ epsilon|ϱ varrho|Γ Gamma|Δ Delta|Θ Theta|Λ Lambda|Ξ Xi|Π Pi|Σ Sigma|Υ Upsilon|Φ Phi
Ψ Psi|Ω Omega|□ square|⊤ top|⊢ vdash|⊨ models|† dagger
"""
_MATH = {
    entry.split()[0]: f"\\ensuremath{{\\{entry.split()[1]}}}"
    for entry in _MATH_WORDS.replace("\n", "|").split("|")
    if entry and entry.split()[0] not in _TEXT
} | {"−": "\\ensuremath{-}", "′": "\\ensuremath{'}", "″": "\\ensuremath{''}", "≲": "\\ensuremath{\\lesssim}"}

_LOOKALIKES = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_LIGATURE_ENDS = frozenset("-'`,<>")


def latex_text(text: str) -> str:
    """Return running text as LaTeX; characters that pdflatex has no glyph for appear as [U+XXXX].

    Neighbours that TeX would draw together (`--`, `''`, `?` before a quote) are kept apart.
    """
    out: list[str] = []
    last = ""
    for piece in _pieces(unicodedata.normalize("NFC", text)):
        if last and piece and _would_join(last, piece):
            out.append("{}")
        out.append(piece)
        last = piece or last
    return "".join(out)


def _would_join(left: str, right: str) -> bool:
    return (left[-1] == right[0] and left[-1] in _LIGATURE_ENDS) or (left[-1] in "?!" and right[0] == "`")


def _pieces(text: str) -> Iterator[str]:
    """Yield the LaTeX of each character together with the combining marks that follow it."""
    place = 0
    while place < len(text):
        end = place + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        piece = latex_char(text[place])
        for mark in text[place + 1 : end]:
            piece = _accented(mark, piece) or piece
        yield piece
        place = end


def latex_char(char: str) -> str:
    """Return the LaTeX of one character."""
    if char in _ASCII:
        return _ASCII[char]
    if char in "\t\n\r\x0b\x0c\x85\u2028\u2029" or ("\u2000" <= char <= "\u2008"):
        return " "
    if char.isascii():
        return char if char.isprintable() else ""
    if char in _RAW:
        return char
    for table in (_TEXT, _MATH):
        if char in table:
            return table[char]
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    return _composed(char) or f"[U+{ord(char):04X}]"


def _composed(char: str) -> str | None:
    """Take a character apart by Unicode: letter with accents, superscript, subscript, ligature, fraction."""
    parts = unicodedata.decomposition(char).split()
    if not parts:
        return None
    kind = parts.pop(0) if parts[0].startswith("<") else ""
    characters = [chr(int(part, 16)) for part in parts]
    if kind in ("<super>", "<sub>"):
        inner = "".join(latex_char(part) for part in characters)
        return f"\\text{kind[1:-1]}script{{{inner}}}" if "U+" not in inner else None
    if kind:
        return "".join(latex_char(part) for part in characters)
    base, mark = characters[0], characters[-1]
    return _accented(mark, latex_char(base)) if len(characters) == 2 else latex_char(base)


def _accented(mark: str, base: str) -> str | None:
    if mark not in _ACCENTS or "U+" in base:
        return None
    dotless = {"i": "\\i", "j": "\\j"}.get(base, base) if unicodedata.combining(mark) == 230 else base
    return f"{_ACCENTS[mark]}{{{dotless}}}"
