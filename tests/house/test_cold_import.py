"""What must stay light: the help, and the formulas alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.trials import PATIENCE_S

HEAVY = (
    *("torch", "fvcore", "pandas", "plotly", "scipy", "sympy", "jinja2"),
    *("transformers", "numpy", "pyarrow", "distributed"),
    "torch._dynamo",  # torch's compiler, 2 s
    "msgspec",  # 15 ms, for files that are read
)


def loaded(code: str) -> set[str]:
    """Heavy packages that a fresh interpreter holds after running ``code``."""
    probe = f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
        env={**os.environ, "XDG_DATA_HOME": os.devnull},  # no calibration to read
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "code",
    [
        "import pvtprof.cli",
        "from pvtprof.cli import main; assert main(['--help']) == 0",
        "from pvtprof.cli import main; assert main(['compare', '--analytic']) == 0",
        "from pvtprof.cli import main; assert main(['models']) == 0",
        "from pvtprof.cli import main; assert main(['reconcile', '4.0G']) == 0",
        "from pvtprof.cli import main; assert main(['fit', '--memory', '2GiB']) == 0",
        "from pvtprof.cli import main; assert main(['sweep', '--help']) == 0",
        "import tempfile; from pvtprof.cli import main; "
        "assert main(['sweep', '-o', tempfile.mkdtemp() + '/rows.csv']) == 0",
        "import pvtprof; pvtprof.compare(analytic=True)",
    ],
)
def test_no_heavy_package_is_loaded(code: str) -> None:
    assert loaded(code) == set()


def test_a_process_that_times_operators_loads_no_compiler() -> None:
    code = "import torch; from pvtprof.observe import clocks; clocks.named(lambda: torch.ones(1))"
    assert "torch._dynamo" not in loaded(code)


def test_a_heavy_package_would_be_found() -> None:
    assert "pandas" in loaded("import pvtprof; pvtprof.compare(analytic=True).to_frame()")
