"""Gathers the words that virtual pages are made of: ``python -m dsvl2.pipelines.training.answers.collect --out FILE``.

Names, streets, towns and firms come from faker's locales (to be installed for this command only), words from Debian's
word lists, things from WordNet, countries and currencies from iso-codes, sentences from the corpus of the reading
pages (``--corpus``). The result is one JSON object of lists, packed with LZMA; with the same packages and
seed it is the same. The first twentieth of every shuffled list is held out.
"""

from __future__ import annotations

import argparse
import json
import logging
import lzma
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dsvl2.pipelines.spatial import printable
from dsvl2.pipelines.training.charset import covered
from dsvl2.pipelines.training.collect import fetch_packages

_log = logging.getLogger(__name__)
PACKAGES = ["wordnet-base", "wamerican", "wngerman", "wfrench", "wspanish", "witalian", "wdutch", "iso-codes"]
FOREIGN = {"wngerman": "ngerman", "wfrench": "french", "wspanish": "spanish", "witalian": "italian", "wdutch": "dutch"}
LOCALES = (
    "en_US en_GB en_AU en_CA en_IN en_IE en_NZ en_PH de_DE de_AT de_CH fr_FR fr_CA fr_CH es_ES es_MX es_AR es_CO it_IT"
    " nl_NL nl_BE pl_PL pt_PT pt_BR sv_SE da_DK no_NO fi_FI cs_CZ sk_SK hu_HU ro_RO tr_TR id_ID hr_HR sl_SI et_EE lt_LT"
)
THINGS = {
    "act": 4, "animal": 5, "artifact": 6, "attribute": 7, "cognition": 9, "event": 11, "food": 13, "group": 14,
    "person": 18, "plant": 20, "possession": 21, "state": 26, "substance": 27,
}  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.!?]) +(?=[A-ZÀ-Ž])")


def names(seed: int, each: int) -> dict[str, list[str]]:
    """Names, streets, towns, firms and professions of many countries."""
    from faker import Faker

    found: dict[str, list[str]] = {key: [] for key in ("first", "last", "street", "city", "company", "job")}
    for locale in LOCALES.split():
        faker = Faker(locale)
        faker.seed_instance(seed)
        makers: dict[str, Callable[[], Any]] = {
            "first": faker.first_name,
            "last": faker.last_name,
            "street": faker.street_name,
            "city": faker.city,
            "company": faker.company,
            "job": faker.job,
        }
        for key, make in makers.items():
            try:
                found[key] += [str(make()) for _ in range(each)]
            except AttributeError:  # a locale without towns or streets
                _log.info("%s has no %s", locale, key)
    return found


def words(unpacked: Path) -> dict[str, list[str]]:
    """English words and those of other languages."""

    def lines(package: str, name: str) -> list[str]:
        path = unpacked / package / "usr/share/dict" / name
        return path.read_text(encoding="utf-8", errors="ignore").split()

    english = [word for word in lines("wamerican", "american-english") if "'" not in word and 2 < len(word) < 14]
    foreign = [w for package, name in FOREIGN.items() for w in sorted(lines(package, name))[::9] if 2 < len(w) < 15]
    return {"word": [word for word in english if word.islower()], "foreign": foreign}


def things(unpacked: Path) -> dict[str, list[str]]:
    """Nouns by what they name, and adjectives, of WordNet."""
    folder = unpacked / "wordnet-base" / "usr/share/wordnet"
    numbers = {number: key for key, number in THINGS.items()}
    found: dict[str, list[str]] = {key: [] for key in THINGS}
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        parts = line.split(" ")
        if line[:1].isdigit() and int(parts[1]) in numbers:
            found[numbers[int(parts[1])]].append(parts[4].replace("_", " "))
    adjectives = (folder / "data.adj").read_text(encoding="utf-8").splitlines()
    found["adjective"] = [line.split(" ")[4].split("(")[0] for line in adjectives if line[:1].isdigit()]
    return {key: [text for text in texts if len(text) < 30] for key, texts in found.items()}


def places(unpacked: Path) -> dict[str, list[str]]:
    """Countries, regions and currencies of iso-codes."""
    folder = unpacked / "iso-codes" / "usr/share/iso-codes/json"

    def records(name: str) -> list[dict[str, str]]:
        found: dict[str, list[dict[str, str]]] = json.loads((folder / f"iso_{name}.json").read_text(encoding="utf-8"))
        return next(iter(found.values()))

    return {
        "country": [record.get("common_name", record["name"]) for record in records("3166-1")],
        "region": [record["name"] for record in records("3166-2")],
        "currency": [record["alpha_3"] for record in records("4217")],
        "language": [record["name"] for record in records("639-2") if len(record["name"]) < 20],
    }


def sentences(corpus: Path) -> dict[str, list[str]]:
    """Sentences of the reading corpus and its usual words: English, legal, other languages. Its held-out end is left alone."""
    found: dict[str, list[str]] = {"sentence": [], "legal": [], "strange": []}
    lines = corpus.read_text(encoding="utf-8").splitlines()
    counts: Counter[str] = Counter()
    for line in lines[: int(len(lines) * 0.95)]:
        language, _, text = line.partition("\t")
        key = {"en": "sentence", "lg": "legal"}.get(language, "strange")
        if key == "sentence":
            counts.update(word for word in text.split() if word.isascii() and word.isalpha() and word.islower())
        found[key] += [part for part in _SENTENCE.split(text)[1:-1] if 30 < len(part) < 170]
    found["common"] = [word for word, _ in counts.most_common(5000) if len(word) > 2]
    return found


def pack(lists: dict[str, list[str]], most: dict[str, int], seed: int) -> dict[str, list[str]]:
    """Clean, shuffle and shorten the lists."""
    rng = random.Random(seed)
    packed = {}
    for key in sorted(lists):
        unique = list(dict.fromkeys(" ".join(text.split()) for text in lists[key]))
        kept = [text for text in unique if text and covered(text) and printable(text) == text]
        rng.shuffle(kept)
        packed[key] = kept[: most.get(key, 6000)]
    return packed


def main(arguments: Iterable[str] | None = None) -> int:
    """Gather everything and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="where packages are kept (default: beside OUT)")
    parser.add_argument("--corpus", type=Path, required=True, help="corpus.txt of dsvl2.pipelines.training.collect")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    unpacked = fetch_packages(PACKAGES, chosen.cache or chosen.out.parent / "cache")
    lists = {**names(chosen.seed, 400), **words(unpacked), **things(unpacked), **places(unpacked)}
    lists |= sentences(chosen.corpus)
    most = {"word": 24000, "foreign": 16000, "sentence": 9000, "legal": 3000, "strange": 3000, "artifact": 6000}
    packed = pack(lists, most, chosen.seed)
    text = json.dumps(packed, ensure_ascii=False, separators=(",", ":"))
    chosen.out.write_bytes(lzma.compress(text.encode("utf-8"), preset=9))
    counts = ", ".join(f"{key} {len(texts)}" for key, texts in packed.items())
    _log.info("%s: %d bytes; %s", chosen.out, chosen.out.stat().st_size, counts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
