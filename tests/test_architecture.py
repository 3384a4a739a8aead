"""The house rules a machine can check: layers, doors, the package list, file sizes. Reads source, imports nothing."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"kernels": "dsvl2.kernels", "model": "dsvl2.model", "pipelines": "dsvl2.pipelines", "dsvl2_cli": "dsvl2_cli"}
ORDER = list(FOLDERS.values())  # a layer may import those before it
MOST_LINES = 300

# What other layers may import of a layer. A name ending in `.*` opens a whole subpackage.
DOORS = {
    "dsvl2.kernels": {
        "dsvl2.kernels.compiled",
        "dsvl2.kernels.joined",
        "dsvl2.kernels.ops",
        "dsvl2.kernels.packing",
        "dsvl2.kernels.tuned",
    },
    "dsvl2.model": {
        "dsvl2.model",
        "dsvl2.model.config",
        "dsvl2.model.constraints",
        "dsvl2.model.errors",
        "dsvl2.model.tiling",
    },
    "dsvl2.pipelines": {
        "dsvl2.pipelines",
        "dsvl2.pipelines.ask",
        "dsvl2.pipelines.batch",
        "dsvl2.pipelines.batch.cluster",
        "dsvl2.pipelines.benchmark",
        "dsvl2.pipelines.charts",
        "dsvl2.pipelines.chat",
        "dsvl2.pipelines.clock",
        "dsvl2.pipelines.compare",
        "dsvl2.pipelines.documents",
        "dsvl2.pipelines.doubts",
        "dsvl2.pipelines.errors",
        "dsvl2.pipelines.evaluation",
        "dsvl2.pipelines.extract",
        "dsvl2.pipelines.figures",
        "dsvl2.pipelines.formats",
        "dsvl2.pipelines.formulas",
        "dsvl2.pipelines.grounding",
        "dsvl2.pipelines.layout",
        "dsvl2.pipelines.output",
        "dsvl2.pipelines.page2code",
        "dsvl2.pipelines.pages",
        "dsvl2.pipelines.review",
        "dsvl2.pipelines.run",
        "dsvl2.pipelines.searchable",
        "dsvl2.pipelines.sources",
        "dsvl2.pipelines.spatial",
        "dsvl2.pipelines.tables",
        "dsvl2.pipelines.tasks",
        "dsvl2.pipelines.training",
    },
}
# Training builds and takes apart the network, so it may reach inside the model; nothing else may.
MAY_PASS_DOORS = {("pipelines/training", "dsvl2.model")}


@cache
def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def layer_of(module: str) -> str | None:
    return next((layer for layer in ORDER if module == layer or module.startswith(layer + ".")), None)


def home(path: Path) -> str:
    return FOLDERS[path.relative_to(ROOT).parts[0]]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> list[tuple[int, str, str | None]]:
    return list(imports(tree_of(path)))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a statement and all those below it; expressions, which are most of a file, are not looked at."""
    yield node
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        below = getattr(node, part, None)
        for inner in below if isinstance(below, list) else ():
            yield from statements(inner)


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str | None]]:
    """Yield (line, module, imported name) of every import statement, those inside functions too."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, module, alias.name) for alias in node.names)


@cache
def is_module(name: str) -> bool:
    """Whether a dotted name of ours is a file or folder (and not something defined in one)."""
    layer = layer_of(name)
    if layer is None:
        return False
    folder = next(folder for folder, known in FOLDERS.items() if known == layer)
    place = ROOT / folder / Path(*name[len(layer) :].strip(".").split("."))
    return place.with_suffix(".py").is_file() or place.is_dir()


def test_imports_run_one_way() -> None:
    wrong = []
    for path in sources():
        for line, module, _ in imports_of(path):
            layer = layer_of(module)
            if layer and ORDER.index(layer) > ORDER.index(home(path)):
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute() -> None:
    wrong = [
        f"{name_of(path)}:{line}"
        for path in sources()
        for line, module, _ in imports_of(path)
        if module.startswith(".")
    ]
    assert not wrong, "\n".join(wrong)


def test_other_layers_come_in_by_the_public_doors() -> None:
    wrong = []
    for path in sources():
        folder = path.relative_to(ROOT).parent.as_posix()
        for line, module, name in imports_of(path):
            layer = layer_of(module)
            if layer is None or layer == home(path) or layer not in DOORS:
                continue
            if any(folder.startswith(start) and layer == opened for start, opened in MAY_PASS_DOORS):
                continue
            target = f"{module}.{name}" if name and is_module(f"{module}.{name}") else module
            if target not in DOORS[layer]:
                wrong.append(f"{name_of(path)}:{line} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_the_program_starts_without_the_heavy_libraries() -> None:
    heavy = {"torch", "numpy", "PIL", "pymupdf", "fitz", "transformers", "rich", "safetensors", "tokenizers"}
    wrong = []
    for path in (ROOT / "dsvl2_cli").rglob("*.py"):
        for node in at_import_time(tree_of(path).body):
            for line, module, _ in imports(node):
                if module.split(".")[0] in heavy or layer_of(module) in DOORS:
                    wrong.append(f"{name_of(path)}:{line} imports {module} at start")
    assert not wrong, "\n".join(wrong)


def at_import_time(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module that run when it is imported; `if TYPE_CHECKING:` does not."""
    for node in body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node


@pytest.mark.parametrize("forbidden", ["transformers", "cv2", "requests", "httpx"])
def test_the_runtime_does_not_import(forbidden: str) -> None:
    wrong = [
        f"{name_of(path)}:{line}"
        for path in sources()
        for line, module, _ in imports_of(path)
        if module.split(".")[0] == forbidden
    ]
    assert not wrong, "\n".join(wrong)


def test_libraries_do_not_print() -> None:
    """A program may: the command line, and a training or evaluation file that runs as one (`python -m`)."""
    wrong = []
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if home(path) == "dsvl2_cli" or 'if __name__ == "__main__":' in text:
            continue
        calls = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))
        wrong += [
            f"{name_of(path)}:{call.lineno}"
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id == "print"
        ]
    assert not wrong, "\n".join(wrong)


def test_the_package_list_equals_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    found = set()
    for folder, name in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            below = path.parent.relative_to(ROOT / folder).parts
            found.add(".".join((name, *below)))
    assert sorted(listed) == sorted(found)
    assert len(listed) == len(set(listed))


def test_kernels_is_a_folder_without_init() -> None:
    """A regular package called `kernels` would be taken for Hugging Face's by transformers."""
    assert not (ROOT / "kernels" / "__init__.py").exists()
    assert not any(path.name == "triton" for path in ROOT.glob("*/triton"))


def test_files_stay_small() -> None:
    long = {
        name_of(path): lines
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in sources() if path.stat().st_size and ast.get_docstring(tree_of(path)) is None]
    assert not silent
