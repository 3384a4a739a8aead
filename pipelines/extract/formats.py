"""The formats of JSON Schema that are held to, as regular expressions. Others are remarks, as the standard has it.

Dates are those of the calendar for the years 1000 to 2999.
"""

from __future__ import annotations

_LEAP = r"(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)"
_DATE = (
    r"(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

CHECKED: dict[str, str] = {
    "iban": "^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$",
    "isbn": "^(?:[0-9]{9}[0-9X]|97[89][0-9]{10})$",
    "payment-card": "^[0-9]{12,19}$",
    "vat": "^[A-Z]{2}[0-9A-Z]{2,13}$",
}
"""Numbers with check digits, without blanks and dashes; `checkdigits` sees to what a pattern cannot say of them."""

FORMATS: dict[str, str] = {
    "date": f"^{_DATE}$",
    "time": f"^{_CLOCK}{_ZONE}$",
    "date-time": f"^{_DATE}T{_CLOCK}{_ZONE}$",
    "email": rf"^[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@{_LABEL}(?:\.{_LABEL})+$",
    "hostname": rf"^{_LABEL}(?:\.{_LABEL})*$",
    "ipv4": rf"^{_BYTE}(?:\.{_BYTE}){{3}}$",
    "uuid": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    **CHECKED,
    "uri": rf"^[a-z][a-z0-9+.-]{{1,15}}://{_LABEL}(?:\.{_LABEL})*(?:/[A-Za-z0-9._~:@!$&'()*+,;=-]*)*$",
}
