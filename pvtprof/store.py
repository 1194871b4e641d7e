"""A run as a versioned JSON file, and the one way in which pvtprof writes files."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pvtprof.errors import PvtprofError, StoreError
from pvtprof.records import (
    Agreement,
    Environment,
    Measurement,
    OpCost,
    Peak,
    Row,
    Run,
    Scope,
)
from pvtprof.spec import DTYPES, Workload

SCHEMA = "pvtprof.run/1"
#: How a file of each kind begins (within its first 4096 characters) if pvtprof wrote it.
CSV_MARK = "model,height,width,batch,dtype,device,attention,scope,stage,variant"
MARKS = {
    ".json": '"schema": "pvtprof.',
    ".html": '<meta name="generator" content="pvtprof ',
    ".csv": CSV_MARK,
    ".md": "<!-- pvtprof ",
}

T = TypeVar("T")


def dumps(run: Run) -> str:
    """The run as JSON text."""
    itemsize = DTYPES[run.workload.dtype]
    document = {
        "schema": SCHEMA,
        "command": run.command,
        "workload": asdict(run.workload),
        "environment": asdict(run.environment),
        "rows": [_row_document(row, itemsize) for row in run.rows],
    }
    return json.dumps(document, indent=1) + "\n"


def _row_document(row: Row, itemsize: int) -> dict[str, Any]:
    return {
        "scope": row.scope.kind,
        "stage": row.scope.stage,
        "variant": row.scope.variant,
        **{name: getattr(row, name) for name in _PLAIN},
        "counts": {name: asdict(agreement) for name, agreement in row.counts.items()},
        "params_counted": row.params_counted,
        "peak_bytes": _peak_document(row),
        "saved_bytes": None,
        "moved_bytes": {
            "read": itemsize * sum(op.read for op in row.ops),
            "written": itemsize * sum(op.written for op in row.ops),
        },
        "latency_s": row.latency and _latency_document(row.latency),
        "not_run": row.not_run,
        "ops": [asdict(op) for op in row.ops],
    }


def _peak_document(row: Row) -> dict[str, Any]:
    seen = row.peak_observed
    return {
        "formula": row.peak.bytes,
        "at": row.peak.at,
        "observed": seen.bytes if seen else None,
        "observed_at": seen.at if seen else None,
    }


#: Fields of a Row that are written as they are.
_PLAIN = (
    "runs_as", "dim", "num_heads", "sr_ratio", "blocks", "grid",
    "tokens", "kv_tokens", "macs", "params",
)  # fmt: skip


def _latency_document(taken: Measurement) -> dict[str, Any]:
    low, high = taken.interval or (None, None)
    return {
        "median": taken.median,
        "low": low,
        "high": high,
        "samples": taken.samples,
        "calls": taken.calls,
        "warnings": taken.warnings,
    }


def load(path: str | os.PathLike[str]) -> Run:
    """Return a run that was saved as JSON; raises StoreError for any other file."""
    return loads(_read(path), str(path))


def _read(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StoreError(
            f"{path} is not a text file; give a .json file that pvtprof wrote"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; check the path") from None


def loads(text: str, name: str = "the text") -> Run:
    """Return a run from JSON text; ``name`` is how errors call it."""
    again = "repeat `pvtprof compare` or give another file"
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise StoreError(f"{name} is not JSON, or truncated{where}; {again}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise StoreError(f"{name} has schema {schema!r}, this pvtprof reads {SCHEMA!r}; {again}")
    try:
        return _run(document)
    except PvtprofError as error:
        raise StoreError(f"{name}: {error}") from None
    except KeyError as error:
        raise StoreError(f"{name} has no field {error}; {again}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{name} has a field of the wrong kind ({error}); {again}") from None


def _run(document: Mapping[str, Any]) -> Run:
    workload = {**document["workload"], "sr_ratios": tuple(document["workload"]["sr_ratios"])}
    rows = tuple(_row(row) for row in document["rows"])
    run = Run(
        _known(Workload, workload),
        _known(Environment, document["environment"]),
        rows,
        str(document.get("command", "")),
    )
    for stage in (1, 2, 3, 4, None):
        for variant in run.variants:
            if Scope(stage, variant) not in run.by_scope:
                raise StoreError(f"the row of {Scope(stage, variant)} is missing")
    if not run.variants:
        raise StoreError("there is no row of a whole model")
    return run


def _known(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from the fields that it knows: later versions may add fields."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type] # a dataclass
    return kind(**{name: value for name, value in values.items() if name in names})


def _row(document: Mapping[str, Any]) -> Row:
    grid, latency, peak = document["grid"], document["latency_s"], document["peak_bytes"]
    stage = document["stage"]
    plain = {name: document[name] for name in _PLAIN} | {"grid": grid and (grid[0], grid[1])}
    return Row(
        scope=Scope(None if stage is None else _integer("stage", stage), document["variant"]),
        **{**plain, "macs": _integer("macs", plain["macs"])},
        params_counted=document["params_counted"],
        ops=tuple(_known(OpCost, op) for op in document["ops"]),
        counts={name: _agreement(value) for name, value in document["counts"].items()},
        peak=_peak(peak["formula"], peak["at"]),
        peak_observed=None
        if peak["observed"] is None
        else _peak(peak["observed"], peak["observed_at"]),
        latency=latency and _measurement(latency),
        not_run=document["not_run"],
    )


def _integer(name: str, value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}, not a whole number")
    return value


def _peak(count: Any, at: Any) -> Peak:
    return Peak(_integer("peak_bytes", count), str(at))


def _agreement(document: Mapping[str, Any]) -> Agreement:
    return Agreement(
        formula=_integer("formula", document["formula"]),
        counted=_integer("counted", document["counted"]),
        by_module={name: (pair[0], pair[1]) for name, pair in document["by_module"].items()},
        skipped=dict(document["skipped"]),
        handles=tuple(document["handles"]),
    )


def _measurement(document: Mapping[str, Any]) -> Measurement:
    samples = tuple(float(sample) for sample in document["samples"])
    return Measurement(samples, document["calls"], tuple(document["warnings"]))


def check_writable(path: str | os.PathLike[str], force: bool = False) -> None:
    """Raise StoreError where ``path`` must not be, or cannot be, written; touches nothing."""
    target = Path(path)
    if target.is_dir():
        raise StoreError(f"{target} is a directory; name a file in it")
    if target.suffix not in MARKS:
        raise StoreError(f"cannot tell the format of {target}; end its name in {', '.join(MARKS)}")
    folder = _existing_parent(target)
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a directory; choose another output path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder} is not writable; choose another output path")
    if target.exists() and not force and not _is_ours(target):
        raise StoreError(
            f"{target} was not written by pvtprof and is left as it is; "
            "choose another output path, or --force to replace it"
        )


def _existing_parent(target: Path) -> Path:
    return next(parent for parent in target.absolute().parents if parent.exists())


def _is_ours(target: Path) -> bool:
    if not target.is_file():
        return False
    try:
        with target.open(encoding="utf-8") as file:
            head = file.read(4096)
    except (OSError, UnicodeDecodeError):
        return False
    return not head or MARKS[target.suffix] in head


def write(path: str | os.PathLike[str], text: str, force: bool = False) -> None:
    """Put ``text`` at ``path`` in one step: either all of it is there, or what was there before."""
    check_writable(path, force)
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pvtprof-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was there before is unchanged; "
            "choose another output path"
        ) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or what the umask leaves of a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
