"""docs/your-own-module.md, tried as a new user would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pvtprof.cli import main

PAGE = Path(__file__).parent.parent.parent / "docs" / "your-own-module.md"
BLOCKS = re.findall(r"```python[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_window_attention_is_derived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (module,) = (block for block in BLOCKS if "def attention" in block)
    (tmp_path / "windows.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    assert main(["derive", "windows.py:attention", "--at", "h=100,w=160"]) == 0
    out = capsys.readouterr().out
    tokens = 49 * 64 * 4 * 64 + 2 * 49 * 49 * 64
    assert f"{tokens:,} b n1" in out
    assert f"{15 * 23 * tokens:,}" in out


def test_the_lines_of_python_run(capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = (block for block in BLOCKS if "pvtprof.derive(" in block)
    scope: dict[str, Any] = {}
    exec(lines, scope)
    printed = re.search(r"print\(.*\)  # (.*)", lines)
    assert printed is not None
    assert capsys.readouterr().out.strip() == printed[1]
