"""The rooms of the package and the one direction of imports between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pvtprof"
BASE = {"errors", "units", "spec"}
#: room: the rooms that it may import when it is loaded.
MAY = {
    "errors": set(),
    "units": set(),
    "spec": {"errors"},
    "records": BASE,
    "analytic": BASE | {"records"},
    "models": BASE,
    "observe": BASE | {"records", "models"},
    "fields": {"errors"},
    "files": {"errors"},
    "store": BASE | {"records", "fields"},
    "table": BASE | {"records"},
    "verdict": BASE | {"records"},
    "figures": BASE | {"records", "verdict", "analytic", "fit", "choose"},
    "fit": BASE | {"records", "analytic"},
    "recipes": BASE | {"analytic", "records"},
    "command": BASE,
    "explorer": BASE | {"records", "analytic", "command"},
    "comparison": BASE | {"records", "analytic", "calibration", "command", "observe", "recipes"},
    "baseline": BASE | {"records", "fields", "store", "judgement"},
    "stored": BASE | {"records", "baseline", "judgement"},
    "check": BASE | {"records", "analytic", "baseline", "comparison"},
    "judgement": BASE | {"records"},
    "paired": BASE | {"records", "judgement"},
    "benchmarks": BASE | {"records", "fields", "store", "judgement"},
    "gates": BASE
    | {"baseline", "benchmarks", "check", "files", "judgement", "paired", "recipes", "stored"}
    | {"records"},
    "render": BASE
    | {"records", "store", "verdict", "figures", "fit", "analytic", "explorer"}
    | {"__init__", "calibration", "choose"},
    "reports": BASE | {"files", "output", "store"},
    "calibration": BASE | {"analytic", "fields", "files", "records", "store"},
    "probes": BASE | {"analytic"},
    "calibrate": BASE | {"__init__", "analytic", "calibration", "observe", "probes", "records"},
    "choose": BASE | {"analytic", "calibration", "records"},
    "output": BASE,
    "pytest_plugin": BASE,
    "options": BASE,
    "cli": BASE | {"__init__", "output", "options"},
    "__init__": set(),
}
#: room: the rooms that it may import inside a function, to stay light or to offer a method.
LATE = {
    "fit": {"observe"},
    "pytest_plugin": {"observe"},
    "check": {"observe"},
    "gates": {"observe", "render"},
    "paired": {"observe"},
    "stored": {"observe", "recipes"},
    "records": {"files", "store", "table", "figures", "render"},
    "output": {"files", "store", "render"},
    "reports": {"render"},
    "calibration": {"observe"},
    "cli": {
        "comparison",
        "files",
        "store",
        "render",
        "analytic",
        "observe",
        "fit",
        "gates",
        "records",
        "reports",
        "calibrate",
        "calibration",
        "choose",
    },
}
TORCH_ALLOWED = {"models", "observe"}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(source: str) -> tuple[set[str], set[str]]:
    """Modules imported on loading (type checking aside), and those imported inside functions."""
    loaded: set[str] = set()
    late: set[str] = set()

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        found = late if inside else loaded
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "pvtprof":
            found.update(
                "pvtprof" if alias.name == "__version__" else f"pvtprof.{alias.name}"
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
        elif getattr(node, "id", "") in ("import_module", "__import__"):
            found.add(".")
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), inside=False)
    return loaded, late


def violations(room: str, source: str) -> list[str]:
    loaded, late = imports(source)
    wrong = [
        f"{room} imports out of sight of this test" for m in loaded | late if m.startswith(".")
    ]
    for module, allowed in (
        *((module, MAY[room]) for module in loaded),
        *((module, MAY[room] | LATE.get(room, set())) for module in late),
    ):
        target = room_of(module)
        if module.split(".")[0] == "pvtprof" and target != room and target not in allowed:
            wrong.append(f"{room} imports {module}")
        if module.split(".")[0] == "torch" and module in loaded and room not in TORCH_ALLOWED:
            wrong.append(f"{room} imports {module}")
    if room in {"analytic", "render"}:
        wrong += [f"{room} imports {m}" for m in late if m.split(".")[0] == "torch"]
    return wrong


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_every_module_imports_only_what_its_room_may(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        return  # imports by name, when first asked: test_cold_import holds it
    assert violations(room, path.read_text()) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("observe", "from pvtprof.analytic import cost"),
        ("models", "def f():\n    import pvtprof.analytic.ops"),
        ("analytic", "import torch"),
        ("analytic", "def f():\n    from torch import nn"),
        ("render", "from pvtprof.observe.subject import Subject"),
        ("table", "import torch"),
        ("observe", "from ..analytic import ops"),
        ("observe", "from .. import analytic"),
        ("observe", "def f():\n    import_module('pvtprof.analytic')"),
    ],
)
def test_a_forbidden_import_is_found(room: str, source: str) -> None:
    assert violations(room, source)
