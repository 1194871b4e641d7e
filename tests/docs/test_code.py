"""Every block of code of README and docs runs, and prints what the page says that it prints."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pvtprof.cli import app
from pvtprof.designs.named import network
from pvtprof.sweep.entry import plan_of
from tests.docs import api
from tests.docs.pages import PAGES, ROOT, Block, Page

#: Options in the documentation that are those of other programs.
OTHERS = {
    "--benchmark-autosave",
    "--benchmark-compare-fail",
    "--benchmark-json",
    "--overwrite",
    "--table",
    "--help",
    "--no-nanny",
}
COMMANDS = {name: app.cli.get_command(click.Context(app.cli), name) for name in app.command_names()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a copy of reports, 80 columns wide, from which modules are imported."""
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_blocks_of_code_run(page: Page, folder: Path) -> None:
    scope: dict[str, Any] = {"__name__": "page"}
    for block in page.blocks:
        KINDS[block.language](page, block, scope)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_in_the_text_are_commands(page: Page) -> None:
    options = {name for command in COMMANDS.values() for p in command.params for name in p.opts}
    for span in page.spans:
        words = span.split()
        if words[0] == "pvtprof" and len(words) > 2 and "COMMAND" not in words:
            check_command(span)
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", span)) - options - OTHERS
        assert not unknown or not span.startswith(("pvtprof", "--")), span


def python(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Run a block; with file=NAME from that file, with "pytest" as a test."""
    names = [word.removeprefix("file=") for word in block.words if word.startswith("file=")]
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(block.text)
    if "elsewhere" in block.words:  # it needs what is not here, such as a Slurm cluster
        compile(block.text, page.path, "exec")
    elif "pytest" in block.words:
        Path("test_page.py").write_text(block.text)
        options = ["-q", "-p", "no:cacheprovider", "--rootdir=."]
        assert pytest.main([*options, "--benchmark-max-time=0.01", "test_page.py"]) == 0
    elif api.BEGIN not in page.text.partition(block.text)[0]:  # below are tested docstrings
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block.text, page.path, "exec", dont_inherit=True), scope)
        assert out.getvalue().strip() in page.text


def console(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Run each command, and compare its whole output; with exit=N its exit code is N."""
    (code,) = [int(word.removeprefix("exit=")) for word in block.words if "exit=" in word] or [0]
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        whole = ["", *printed(command, Path.cwd(), code), ""]
        assert has(whole, ["", *expected.splitlines(), ""]), "\n".join(whole)


def text(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Look for the block in the output of the command that stands above it."""
    if block.command:
        whole = printed(block.command, Path.cwd())
        assert has(whole, block.text.splitlines()), "\n".join(whole)


def shell(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Check every command without running it, or run a script whose pvtprof only returns a code."""
    if "script" not in block.words:
        for line in block.text.splitlines():
            check_command(line)
        return
    check_exit_codes(block.text)
    for command in re.findall(r"pvtprof [^|\n]*", block.text):
        check_command(command)


def check_exit_codes(script: str) -> None:
    """Run a script whose `pvtprof check --base` returns 0, 1, 2 or 3; 0 and 3 pass."""
    Path("bin").mkdir(exist_ok=True)
    for code, expected in {0: 0, 1: 1, 2: 1, 3: 0}.items():
        fake = f'#!/bin/sh\ncase "$*" in *--base*) exit {code};; esac\n'
        Path("bin/pvtprof").write_text(fake)
        Path("bin/pvtprof").chmod(0o755)
        found = f"PATH={Path.cwd()}/bin:$PATH\nset -e\n{script}"
        assert subprocess.run(["bash", "-c", found], capture_output=True).returncode == expected


def workflow(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Check every command of a GitHub workflow, and which exit codes of pvtprof let it pass."""
    if "elsewhere" in block.words:  # the objects of a Kubernetes cluster
        assert all({"apiVersion", "kind"} <= its.keys() for its in yaml.safe_load_all(block.text))
        return
    jobs = yaml.safe_load(re.sub(r"\$\{\{.*?\}\}", "main", block.text))["jobs"].values()
    steps = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    for step in steps:
        check_command(step.partition(" || ")[0])
    check_exit_codes("\n".join(step for step in steps if step.startswith("pvtprof")))


def design_file(page: Page, block: Block, scope: dict[str, Any]) -> None:
    """Write a design file, or with "sweep" that of a sweep, by the page's name, and read it."""
    for name in (word.removeprefix("file=") for word in block.words if word != "sweep"):
        Path(name).write_text(block.text)
        if "sweep" in block.words:
            assert plan_of(name, {}, {}).grid.count > 1
        else:
            network(name)


KINDS: dict[str, Callable[[Page, Block, dict[str, Any]], None]] = {
    "python": python,
    "console": console,
    "text": text,
    "sh": shell,
    "yaml": workflow,
    "toml": design_file,
}


def check_command(line: str) -> None:
    """Fail where a line is no command that there is, with options that there are."""
    words = shlex.split(line, comments=True)
    words = list(dropwhile_assigned(words))
    match words:
        case []:
            return
        case ["make", *targets]:
            makefile = (ROOT / "Makefile").read_text()
            assert all(f"\n{target}:" in makefile for target in targets), line
        case ["pip", "install", *_] | ["pvtprof", "--help"] | ["kubectl" | "sbatch", *_]:
            return
        case ["dask", name, *arguments] | ["srun", "dask", name, *arguments]:
            options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
            assert options <= dask_options(name), line
        case ["pvtprof", name, *arguments]:
            if "--help" not in arguments:
                with click.Context(app.cli, **app.cli.context_settings) as group:
                    COMMANDS[name].make_context(name, arguments, parent=group)
        case _:
            pytest.fail(f"not a command that can be checked: {line}")


def dask_options(name: str) -> set[str]:
    """Return the options of `dask worker` or `dask scheduler`."""
    module = import_module(f"distributed.cli.dask_{name}")
    return {option for its in module.main.params for option in (*its.opts, *its.secondary_opts)}


def dropwhile_assigned(words: Sequence[str]) -> Iterator[str]:
    """Leave out the variables that a command begins with."""
    begun = False
    for word in words:
        begun = begun or not re.fullmatch(r"[A-Z_]+=.*", word)
        if begun:
            yield word


@cache
def printed(command: str, folder: Path, code: int = 0) -> tuple[str, ...]:
    """Return the lines that a command prints on stdout, run in this process."""
    program, *arguments = shlex.split(command)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if program == "pvtprof":
            assert app.main(arguments) == code
        else:
            _, module, *rest = arguments  # python -m module ...
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", [module, *rest])
                patch.delitem(sys.modules, module, raising=False)  # run afresh, as a command is
                runpy.run_module(module, run_name="__main__")
    return tuple(line.rstrip() for line in out.getvalue().splitlines())


def has(whole: Sequence[str], part: Sequence[str]) -> bool:
    """Whether ``part`` stands in ``whole``, line by line; its lines "..." stand for any lines."""
    lines = [".*" if line == "..." else re.escape(line.rstrip()) for line in part]
    pattern = "\n".join(lines).replace("\n.*\n", "\n(?:.*\n)*").replace("\n.*", "(?:\n.*)*")
    return re.search(rf"^{pattern}$", "\n".join(whole), re.MULTILINE) is not None


def test_a_part_is_found_and_another_is_not() -> None:
    whole = ["", "a", "b", "c", ""]
    assert has(whole, ["a", "b"])
    assert has(whole, ["", "...", "c", ""])
    assert has(whole, ["", "a", "...", ""])
    assert not has(whole, ["", "a", "c"])
    assert not has(whole, ["", "b", "...", ""])


def test_a_command_with_an_option_that_is_not_there_is_found() -> None:
    check_command("OMP_NUM_THREADS=1 pvtprof compare --img 224  # a comment")
    with pytest.raises(click.UsageError):
        check_command("pvtprof compare --image 224")
