"""Kill commands at random moments: nothing is torn, no process and no file is left.

    python -m tests.bench.kills [TRIALS]

Each trial starts one of COMMANDS in a folder and a temporary folder of its own, kills the parent, a
child or the whole group with one of SIGNALS after a random time, and looks at what is left once
the next run of the command was over. Prints one line a trial, and ends with 1 where one failed.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

SMALL = ("--model", "pvt_v2_b0", "--img", "32", "--R", "1,1,1,1")
#: What is run, and in what moments: after up to so many seconds.
COMMANDS = {
    "compare": ("compare", *SMALL, "--device", "cpu", "--budget", "3", "--no-calibrate"),
    "calibrate": ("calibrate", "--budget", "2", "-o", "out/calibration.json"),
    "check --base": ("check", "--base", "HEAD~1", "--target", "mine:made", "--budget", "0.2"),
    "check --update": (
        "check",
        "b.json",
        "--update",
        "--target",
        "mine:made",
        "--latency",
        "--budget",
        "0.2",
    ),
    "choose": ("choose", *SMALL[:4], "--calibration", "kept.json", "-o", "out/designs.html"),
    "fit --check": ("fit", "--memory", "256MiB", "--model", "pvt_v2_b0", "--check"),
}
#: The next run: of a check the same again, else whatever writes into the same folders.
AGAIN = {"check --base": COMMANDS["check --base"]}
NEXT = ("compare", *SMALL, "--device", "cpu", "--budget", "0")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
WHOM = ("parent", "child", "group")
MODULE = """import torch
def made():
    return torch.nn.Linear({size}, 64), torch.randn(512, {size})
"""
#: A process that was started must be gone so many seconds after its parent.
GRACE_S = 5.0
WITHIN_S = 10.0


def main() -> int:
    """Run the trials; 1 where one failed."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    chance = random.Random(0)
    cases = list(itertools.product(COMMANDS, SIGNALS, WHOM))
    chance.shuffle(cases)
    failed = 0
    for number in range(trials):
        name, how, whom = cases[number % len(cases)]
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            found = trial(Path(folder), name, how, whom, chance.uniform(0.5, WITHIN_S))
        failed += bool(found)
        print(
            f"{number + 1}: {name}, {how} to the {whom}: {'; '.join(found) or 'clean'}", flush=True
        )
    print(f"{trials - failed} of {trials} kills left nothing")
    return bool(failed)


def trial(folder: Path, name: str, how: str, whom: str, after_s: float) -> list[str]:
    """Kill a command, run it again to its end, and return what was left or torn."""
    work, temporary = folder / "work", folder / "tmp"
    work.mkdir()
    temporary.mkdir()
    _prepare(work)
    mark = f"KILLS_TRIAL={folder.name}"
    env = {
        **os.environ,
        "TMPDIR": str(temporary),
        "XDG_DATA_HOME": str(folder / "data"),
        "KILLS_TRIAL": folder.name,
    }
    words = [sys.executable, "-m", "pvtprof", *COMMANDS[name]]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=work, env=env, start_new_session=True, **quiet) as process:
        time.sleep(after_s)
        _kill(process, getattr(signal, how), whom, mark)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            return ["it did not end"]
    found = [f"orphan {pid}" for pid in _left(mark)]
    for pid in _left(mark):
        os.kill(pid, signal.SIGKILL)
    found += _torn(work)
    words = [sys.executable, "-m", "pvtprof", *AGAIN.get(name, NEXT)]
    again = subprocess.run(words, cwd=work, env=env, capture_output=True, text=True)
    if again.returncode not in (0, 1, 3) or "Traceback" in again.stderr:
        found.append(f"the next run ended with {again.returncode}: {again.stderr[-200:]}")
    found += [f"left {path.name}" for path in temporary.iterdir() if "pvtprof" in path.name]
    found += [f"left {path}" for path in work.rglob(".pvtprof-*")]
    trees = subprocess.run(["git", "worktree", "list"], cwd=work, capture_output=True, text=True)
    return found + ["left a worktree"] * (len(trees.stdout.splitlines()) > 1)


def _prepare(work: Path) -> None:
    """A repository with two versions of a module, a calibration, and earlier results."""
    from pvtprof.observe.environment import environment
    from pvtprof.predict import calibration
    from tests.builders import made_up_calibration

    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(work)]
    subprocess.run([*git, "init", "-q"], check=True)
    for size in (64, 128):
        (work / "mine.py").write_text(MODULE.format(size=size))
        subprocess.run([*git, "add", "mine.py"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"{size}"], check=True)
    here = environment("cpu", timed=True)
    calibration.save(replace(made_up_calibration(), environment=here), work / "kept.json")


def _kill(process: subprocess.Popen[bytes], number: int, whom: str, mark: str) -> None:
    children = [pid for pid in _left(mark) if pid != process.pid]
    if whom == "group":
        os.killpg(process.pid, number)
    elif whom == "child" and children:
        os.kill(random.Random(number).choice(children), number)
    else:
        process.send_signal(number)


def _left(mark: str) -> list[int]:
    """The processes of a trial, once those that are ending have ended."""
    for _ in range(int(GRACE_S / 0.25)):
        found = _processes(mark)
        if not found:
            break
        time.sleep(0.25)
    return found


def _processes(mark: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
            if mark.encode() in path.read_bytes().split(b"\0") and state != "Z":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _torn(work: Path) -> list[str]:
    """Files that are neither whole nor absent."""
    found = []
    for path in work.rglob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            found.append(f"torn {path.name}")
    pages = (path for path in work.rglob("*.html") if not path.read_text().endswith("</html>\n"))
    return found + [f"torn {path.name}" for path in pages]


if __name__ == "__main__":
    if not shutil.which("git"):
        sys.exit("needs git")
    sys.exit(main())
