"""The rooms of the package and the one direction of imports between them.

Every import counts, also one inside a function: what is imported late is imported all the same.
Imports for type checkers alone count too, so that no value knows of a room above it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pvtprof"
#: The order of the rooms: each may import itself and what stands before its own line.
ORDER = (
    (
        "errors",
        "cores",
        "moment",
        "units",
        "spoken",
        "files",
        "decode",
        "registry",
    ),  # the ground floor, module by module
    ("designs",),
    ("analytic", "models"),
    ("observe",),
    ("derive",),
    ("predict",),
    ("run",),
    ("sweep",),
    ("check", "report"),
    ("api",),
    ("cli",),
    ("__main__",),
)
#: What a room must not import although it stands before it: two books that never share a page.
NEVER = {
    "observe": {"analytic"},
    "derive": {"analytic"},
    "report": {"models"},
}
#: Rooms whose modules may import torch when they are loaded; others inside a function, or never.
LOADS_TORCH = {"models", "observe", "derive"}
NEVER_TORCH = {"designs", "analytic", "report"}
#: Modules of the ground floor in their own order.
GROUND = ORDER[0]
ROOMS = tuple(room for line in ORDER for room in line)


def allowed(room: str) -> set[str]:
    """The rooms that modules of ``room`` may import."""
    if room in GROUND:
        return set(GROUND[: GROUND.index(room)])
    line = next(i for i, rooms in enumerate(ORDER) if room in rooms)
    below = {name for rooms in ORDER[:line] for name in rooms}
    return (below | {room}) - NEVER.get(room, set())


def room_of(module: str) -> str:
    """The room of a dotted module of the package; "" for the package itself."""
    return [*module.split("."), ""][1]


def imported(source: str) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported on loading) of every import in a module."""

    def visit(node: ast.AST, on_loading: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            on_loading = False
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            on_loading = False
        if isinstance(node, ast.Import):
            yield from ((alias.name, on_loading) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = [f"{module}.{alias.name}" for alias in node.names]
            yield from ((name, on_loading) for name in (names if module == "pvtprof" else [module]))
        elif getattr(node, "id", "") == "__import__" or (
            getattr(node, "id", "") == "import_module"
            or getattr(node, "attr", "") == "import_module"
        ):
            yield ".by name", on_loading
        for child in ast.iter_child_nodes(node):
            yield from visit(child, on_loading)

    return visit(ast.parse(source), True)


#: Modules that import by name what they cannot name: other versions, users' code, lazy attributes,
#: and commands, charts and witnesses, which are found by the names of their files.
BY_NAME = {
    *("observe/worker.py", "observe/building.py", "observe/clocks.py"),
    *("observe/device.py", "observe/cuda.py", "observe/nvml.py", "observe/asked.py"),
    "observe/target.py",
    "cli/app.py",
    "registry.py",
    "__init__.py",
}


def violations(room: str, source: str, by_name: bool = False) -> list[str]:
    """Every import of a module of ``room`` that goes against the order."""
    return [
        f"{room} imports {module}"
        for module, on_loading in imported(source)
        if _is_wrong(room, module, on_loading, by_name)
    ]


def _is_wrong(room: str, module: str, on_loading: bool, by_name: bool) -> bool:
    top = module.split(".")[0]
    if module.startswith("."):
        return not by_name
    if top == "torch":
        return room in NEVER_TORCH or (on_loading and room not in LOADS_TORCH)
    target = room_of(module)
    return top == "pvtprof" and target not in ("", "__version__") and target not in allowed(room)


#: The modules that may speak to CUDA or NVML; and all that the worker loads beside itself.
SEAM = {f"observe/{name}.py" for name in ("device", "cuda", "nvml", "asked")}
BESIDE = ("device", "cuda", "nvml", "held", "clocks", "building")


def speaks_to_a_gpu(source: str) -> list[str]:
    """Every use of torch.cuda, of torch's CUDA backends or of NVML in a module."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.endswith(("torch.cuda", "backends.cuda", "backends.cudnn", "version.cuda")):
                found.append(name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            names = [f"{module}.{alias.name}".strip(".") for alias in node.names]
            found += [n for n in names if "cuda" in n.split(".") or n.split(".")[0] == "pynvml"]
        elif isinstance(node, ast.Constant) and node.value in ("pynvml", "torch.cuda"):
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_nothing_but_the_seam_speaks_to_a_gpu(path: Path) -> None:
    used = speaks_to_a_gpu(path.read_text(encoding="utf-8"))
    assert bool(used) == (path.relative_to(PACKAGE).as_posix() in SEAM), used


@pytest.mark.parametrize(
    "source",
    [
        "torch.cuda.synchronize()",
        "def f():\n    import torch.cuda",
        "from torch import cuda",
        "from torch.cuda import Event",
        "import pynvml",
        "importlib.import_module('pynvml')",
        "self.torch.cuda.Event()",
        "torch.backends.cuda.matmul.allow_tf32 = True",
        "torch.backends.cudnn.benchmark = True",
    ],
)
def test_a_use_of_cuda_is_found(source: str) -> None:
    assert speaks_to_a_gpu(source)


@pytest.mark.parametrize("name", BESIDE)
def test_what_the_worker_loads_by_its_path_imports_nothing_of_pvtprof(name: str) -> None:
    source = (PACKAGE / "observe" / f"{name}.py").read_text(encoding="utf-8")
    assert [one for one, _ in imported(source) if one.startswith("pvtprof")] == []


def modules() -> Iterable[Path]:
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=str)
def test_every_module_imports_only_what_its_room_may(path: Path) -> None:
    room = path.parts[0].removesuffix(".py")
    if room == "__init__":
        return  # it imports by name what is first asked for: test_cold_import holds it
    source = (PACKAGE / path).read_text(encoding="utf-8")
    assert violations(room, source, path.as_posix() in BY_NAME) == []


def neighbours(node: ast.AST) -> Iterator[str]:
    """What a module imports when it runs, early or late: modules, and names that may be modules."""
    if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ImportFrom) and node.module:
        yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from neighbours(child)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Lazy imports count; those for type checkers do not, and a package is made of its modules."""
    sources = {
        ".".join(("pvtprof", *path.with_suffix("").parts)): (PACKAGE / path).read_text("utf-8")
        for path in modules()
        if path.stem not in ("__init__", "__main__")
    }
    graph = {
        name: {found for found in neighbours(ast.parse(source)) if found in sources} - {name}
        for name, source in sources.items()
    }
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError, with the circle


def test_every_room_has_its_place_in_the_order() -> None:
    found = {path.parts[0].removesuffix(".py") for path in modules()} - {"__init__"}
    assert found == set(ROOMS)


def test_every_room_says_what_is_in_it_and_what_it_may_import() -> None:
    for room in sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()):
        said = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
        assert "In: " in said, room
        assert "may import" in said, room


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("observe", "from pvtprof.analytic import cost"),
        ("models", "def f():\n    import pvtprof.analytic.ops"),
        ("analytic", "import torch"),
        ("analytic", "def f():\n    from torch import nn"),
        ("run", "import torch"),
        ("report", "from pvtprof.models import build"),
        ("report", "def f():\n    from pvtprof.check import gates"),
        ("run", "def f():\n    from pvtprof.report import html"),
        ("run", "from pvtprof import api"),
        ("run", "if TYPE_CHECKING:\n    from pvtprof.cli import app"),
        ("errors", "from pvtprof import units"),
        ("observe", "from ..analytic import ops"),
        ("observe", "from .. import analytic"),
        ("observe", "def f():\n    import_module('pvtprof.analytic')"),
        ("observe", "def f():\n    importlib.import_module('pvtprof.analytic')"),
    ],
)
def test_an_import_against_the_order_is_found(room: str, source: str) -> None:
    assert violations(room, source)
