"""What a recipe needs in the folder of training data, told before anything is started, each with the command that makes it."""

from __future__ import annotations

from pathlib import Path

from dsvl2.pipelines.training.recipe import Recipe

_HOME = "python -m dsvl2.pipelines.training"
_TEXT = f"{_HOME}.collect --out DATA"
_WORDS = f"{_HOME}.answers.collect --out DATA/answers.xz"
_FORMULAS = f"{_HOME}.formulas.collect --out DATA"


def lacking(data: Path, recipe: Recipe) -> dict[str, str]:
    """Names of files that are not in ``data`` though the recipe takes from them, with the command that makes each."""
    wanted = {"corpus.txt": _TEXT, "meta.json": _TEXT, "fonts": _TEXT} if "bands" in recipe.kinds else {}
    if "answers" in recipe.kinds or ("bands" in recipe.kinds and any(recipe.document_shares)):
        wanted["answers.xz"] = _WORDS
    if "formulas" in recipe.kinds:
        wanted["formulas.npz.xz"] = _FORMULAS
        if recipe.inline_share:
            wanted["inline.npz.xz"] = f"{_FORMULAS} --inline 7000"
    return {name: made for name, made in wanted.items() if not (data / name).exists()}
