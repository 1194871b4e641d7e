"""The contract tests of a GPU (tests/gpu), over the pretended card: so that it cannot drift."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.pretended.command_line import environment
from tests.trials import PATIENCE_S

CONTRACT = Path(__file__).parents[1] / "gpu" / "test_contract.py"


def test_the_pretended_card_keeps_the_contract(tmp_path: Path) -> None:
    """Each contract test passes there, and none is skipped."""
    words = ("pytest", str(CONTRACT), "-q", "-p", "no:cacheprovider", "-m", "gpu", "-rs")
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment({}, tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    tests = len(re.findall("def test_", CONTRACT.read_text(encoding="utf-8")))
    assert f"{tests} passed" in done.stdout
    assert "skipped" not in done.stdout
