"""What is installed: every file of the package, the page's templates and scripts too."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_that_is_no_module_is_package_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["pvtprof"]
    package = ROOT / "pvtprof"
    installed = {path for pattern in patterns for path in package.glob(pattern)}
    there = {path for path in package.rglob("*") if path.is_file() and path.suffix != ".py"}
    assert {path for path in there - installed if "__pycache__" not in path.parts} == set()


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "pvtprof").rglob("*.py")}
    assert [one for one in folders if not (one / "__init__.py").exists()] == []
