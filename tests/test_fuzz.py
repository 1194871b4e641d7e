"""Seeded fuzz of files, options and environment variables: one line at most, and no silent pass."""

from __future__ import annotations

import json
import random
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pvtprof import files
from pvtprof.check import baseline as baselines
from pvtprof.cli import app
from pvtprof.designs.design_text import values_of
from pvtprof.designs.named import network
from pvtprof.predict import calibration
from pvtprof.run import store
from tests.builders import made_up_calibration, observed_run
from tests.trials import ALL

#: Of each kind, so many trials.
EACH = 400 if ALL else 20
SEED = 16
SMALL = ["--model", "pvt_v2_b0", "--img", "32", "--R", "1,1,1,1"]


def ended(words: list[str], **env: str | None) -> tuple[int, str]:
    """The exit code, and all that was said; an error is one line, and no traceback."""
    result = CliRunner().invoke(_main, words, env=env, catch_exceptions=True)
    said = result.output
    code = result.exit_code
    assert "Traceback" not in said, (words, env, said)
    assert code in (0, 1, 2, 3), (words, env, said)
    if code in (2, 3):
        lines = [line for line in said.splitlines() if line.startswith("pvtprof: ")]
        assert len(lines) == 1, (words, env, said)
    return code, said


class _Main:
    """The whole command line as a click command for the runner."""

    name = "pvtprof"

    def main(self, args: Any = (), prog_name: str = "", **extra: Any) -> None:
        raise SystemExit(app.main(list(args)))


_main: Any = _Main()


def changed(chance: random.Random, value: Any) -> Any:
    """A JSON value with something in it replaced, removed, doubled or moved."""
    holders = [held for held in _holders(value) if held]
    holder = chance.choice(holders)
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 2 if isinstance(holder, dict):
            holder[_word(chance)] = holder.pop(key)
        case _:
            holder[key] = _odd(chance)
    return value


def _holders(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [
        *([value] if isinstance(value, dict | list) else ()),
        *(found for held in inner for found in _holders(held)),
    ]


def _odd(chance: random.Random) -> Any:
    return chance.choice(
        [
            None,
            True,
            -1,
            0,
            1,
            2**63,
            10**70,
            0.5,
            -0.0,
            1e29,
            1e308,
            5e-324,
            float("nan"),
            float("inf"),
            "",
            "0",
            "\0",
            "é" * 200,
            [],
            {},
            [[]],
            {"": None},
            _word(chance),
        ]
    )


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(string.printable, k=chance.randrange(9)))


def broken(chance: random.Random, text: str) -> bytes:
    """A file that once was good: its values changed, or its bytes cut, doubled or overwritten."""
    if chance.random() < 0.7:
        document = json.loads(text)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            document = changed(chance, document)
        return (json.dumps(document, indent=1) + "\n").encode()
    content = bytearray(text.encode(chance.choice(("utf-8", "utf-8-sig", "utf-16", "utf-32"))))
    at = chance.randrange(len(content))
    match chance.randrange(3):
        case 0:
            del content[at:]
        case 1:
            content[at:at] = content[: chance.randrange(100)]
        case _:
            content[at] = chance.randrange(256)
    return bytes(content)


#: What reads each kind of file; a run's page is written beside it.
READERS: dict[str, Callable[[str], list[str]]] = {
    "run": lambda path: ["report", path, "--format", "markdown"],
    "calibration": lambda path: [
        "choose",
        "--model",
        "pvt_v2_b0",
        "--img",
        "32",
        "--calibration",
        path,
    ],
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("good") / "b.json"
    words = ["check", str(path), "--update", "--target", "tests.targets.own:list_out"]
    assert app.main([*words, "--device", "cpu"]) == 0
    return {
        "run": store.dumps(observed_run(model="pvt_v2_b0", img=32, sr_ratios=(1, 1, 1, 1))),
        "calibration": calibration.dumps(made_up_calibration()),
        "baseline": path.read_text(),
    }


def folders(tmp_path: Path, trials: int) -> list[tuple[random.Random, Path]]:
    return [(random.Random(f"{SEED} {i}"), tmp_path / str(i)) for i in range(trials)]


@pytest.mark.parametrize("kind", READERS)
def test_a_broken_file_is_one_line(kind: str, texts: dict[str, str], tmp_path: Path) -> None:
    for chance, folder in folders(tmp_path, EACH):
        folder.mkdir()
        path = folder / "file.json"
        path.write_bytes(broken(chance, texts[kind]))
        ended(READERS[kind](str(path)))
        shutil.rmtree(folder)


def test_a_broken_design_file_is_one_line(tmp_path: Path) -> None:
    good = values_of(network("pvt_v2_b0", ["patch_sizes=5,3,3,3", "num_stages=3"]))
    for chance, path in folders(tmp_path, EACH):
        document = json.loads(json.dumps(good))
        for _ in range(chance.choice((1, 1, 2))):
            document = changed(chance, document)
        lines = (f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in document.items())
        content = bytearray("".join(lines).encode())
        if chance.random() < 0.2 and content:
            content[chance.randrange(len(content))] = chance.randrange(256)
        file = path.with_suffix(".toml")
        file.write_bytes(bytes(content))
        ended(["models", str(file), "--img", "64"])


def test_a_broken_baseline_is_no_pass(
    texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is observed is what the good file says: only what a gate holds may fail or pass."""
    good = tmp_path / "good.json"
    good.write_text(texts["baseline"])
    held = baselines.load(good)
    monkeypatch.setattr("pvtprof.check.exact_figures.observed", lambda *_: held)
    for chance, folder in folders(tmp_path, EACH):
        path = folder.with_suffix(".json")
        path.write_bytes(broken(chance, texts["baseline"]))
        code, said = ended(["check", str(path)])
        if code == 0:
            assert baselines.load(path).rows == held.rows, said


WORDS = {
    "--img": ("64", "0", "-1", "1e3", "16385", "9" * 30, "64x", "x64", "64x64x64", "", "\u0664"),
    "--R": ("1,1,1,1", "0,0,0,0", "1,1,1", "8,4,2,1", "-1,1,1,1", "a", ",,,", "9" * 12, ""),
    "--model": ("pvt_v2_b0", "pvt_tiny", "PVT", "", "../x", "\u00e9", "pvt_v2_b2_linear"),
    "--set": ("in_chans=4", "depths=1,1,1,1", "depths=1", "x=1", "=", "", "name=../x", "linear=1"),
    "--design": ("mha", "a=sra_pool", "sra_pool,mha", "=", "", "mha=sra_conv", "\u00e9=mha", ",,,"),
    "--batch": ("1", "0", "-3", "4097", "1.5", "x", ""),
    "--dtype": ("float32", "bfloat16", "int8", ""),
    "--attention": ("eager", "sdpa", "flash"),
    "--mode": ("inference", "training", "x"),
    "--pool-size": ("7", "0", "-1", "99999", "x"),
    "--memory": ("1GiB", "0", "-1GB", "1e400GB", "GiB", "1 GiB", "9" * 40 + "GB"),
    "--within": ("50ms", "0s", "-1s", "1e999s", "s", ""),
    "--format": ("csv", "json", "table", "markdown", "x"),
    "--budget": ("0", "-1", "nan", "inf", "x", ""),
    "--device": ("cpu", "cuda:9", "tpu", "", "cuda:-1"),
}
COMMANDS = {
    "compare": ["compare", "--analytic"],
    "fit": ["fit", "--memory", "1GiB"],
    "formula": ["formula", "sra_conv"],
    "models": ["models"],
    "check": ["check"],
    "choose": ["choose", "--calibration", "there-is-none.json"],
}


def test_odd_options_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for chance, _ in folders(tmp_path, EACH):
        words = list(COMMANDS[chance.choice(list(COMMANDS))])
        for name in chance.sample(list(WORDS), chance.randrange(4)):
            words += [name, chance.choice(WORDS[name])]
        if chance.random() < 0.1:
            words.insert(chance.randrange(len(words)), _word(chance))
        code, said = ended(words)
        assert not (words[0] == "check" and code == 0 and "--help" not in words), said


VARIABLES = (
    *("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "XDG_DATA_HOME", "HOME", "TMPDIR"),
    *("OMP_NUM_THREADS", "OMP_PROC_BIND", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "LANG"),
)
VALUES = ("", "0", "-1", "1", "9" * 20, "true", "dumb", "/proc", "/dev/null", "no/such", "\u00e9")


def test_odd_environments_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for chance, _ in folders(tmp_path, EACH):
        env: dict[str, str | None] = {
            name: chance.choice(VALUES) for name in chance.sample(VARIABLES, chance.randrange(1, 5))
        }
        words = chance.choice(
            (["compare", "--analytic", *SMALL], ["models"], ["fit", "--memory", "1GiB", *SMALL])
        )
        code, said = ended(words, **env)
        assert code == 0, (env, said)


def test_the_fuzz_would_find_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(files, "check_all_writable", fails)
    with pytest.raises(AssertionError, match="a defect"):
        ended(["compare", "--analytic", *SMALL])
