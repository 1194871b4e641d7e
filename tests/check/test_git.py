"""git's own reasons and their cures; worktrees of dead processes go, those of live ones stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pvtprof.check import base as bases
from pvtprof.check import worktrees
from pvtprof.check.base import base_folder
from pvtprof.errors import SpecError
from tests.check.test_paired import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, temporary = tmp_path / "repository", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    git("-C", str(folder), "init", "-q")
    for number in range(3):
        (folder / "file").write_text(str(number))
        git("-C", str(folder), "add", "-A")
        git("-C", str(folder), "commit", "-q", "-m", f"{number}")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(worktrees.tempfile, "tempdir", str(temporary))
    return folder


def trees(folder: Path) -> int:
    return len(list((folder / ".git" / "worktrees").glob("*")))


def test_a_repository_of_another_owner_is_said_with_gits_cure(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    with pytest.raises(SpecError, match=r"dubious ownership.*git config --global --add safe"):
        base_folder("HEAD").__enter__()


def test_no_repository_is_said_in_gits_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SpecError, match="git says: not a git repository"):
        base_folder("HEAD").__enter__()


def test_git_that_is_not_there_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SpecError, match="git cannot be started"):
        base_folder("HEAD").__enter__()


def test_what_a_shallow_clone_lacks_is_said_with_its_cure(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("-C", str(tmp_path), "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(SpecError, match=r"shallow clone: .*git fetch --unshallow"):
        base_folder("HEAD~2").__enter__()
    with base_folder("HEAD") as folder:
        assert (Path(folder) / "file").read_text() == "2"


def test_a_ref_that_is_none_is_no_shallow_clone(repository: Path) -> None:
    with pytest.raises(SpecError, match="is not a folder, commit, branch or tag here") as caught:
        base_folder("no-such-ref").__enter__()
    assert "shallow" not in str(caught.value)


KILLED = """
import sys, tempfile, time
from pvtprof.check import worktrees
from pvtprof.check.base import base_folder
worktrees.tempfile.tempdir = sys.argv[1]
with base_folder("HEAD~1") as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_check_leaves_the_next_one_removes(repository: Path) -> None:
    temporary = worktrees.tempfile.gettempdir()
    held = subprocess.Popen(
        [sys.executable, "-c", KILLED, temporary], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    assert held.stdout
    left = Path(held.stdout.readline().strip())
    with base_folder("HEAD") as mine:  # while the other one lives
        assert Path(mine) != left
        assert left.is_dir()
        assert trees(repository) == 2
    assert left.is_dir()
    held.send_signal(signal.SIGKILL)
    held.wait()
    held.stdout.close()
    assert left.is_dir()
    with base_folder("HEAD"):
        assert not left.exists()
        assert trees(repository) == 1
    assert trees(repository) == 0
    assert list(Path(temporary).iterdir()) == []


def test_a_folder_that_another_process_is_just_making_is_left(repository: Path) -> None:
    young, old = (Path(worktrees.tempfile.mkdtemp(prefix=worktrees.PREFIX)) for _ in range(2))
    then = time.time() - 2 * worktrees.ABANDONED_S
    os.utime(old, (then, then))
    worktrees.remove_abandoned()
    assert (young.is_dir(), old.is_dir()) == (True, False)


def test_two_at_a_time_do_not_disturb_each_other(repository: Path) -> None:
    seen: list[str] = []
    together = threading.Barrier(2)

    def use(ref: str) -> None:
        for _ in range(3):
            with base_folder(ref) as folder:
                together.wait(60)
                seen.append(f"{ref} {(Path(folder) / 'file').read_text()}")
                together.wait(60)

    threads = [threading.Thread(target=use, args=(ref,)) for ref in ("HEAD~1", "HEAD~2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["HEAD~1 1"] * 3 + ["HEAD~2 0"] * 3
    assert trees(repository) == 0


def test_a_hooks_index_is_left_alone(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = repository / ".git" / "index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    with bases.base_folder("HEAD~2") as folder:
        assert (Path(folder) / "file").read_text() == "0"
    assert index.read_bytes() == before
