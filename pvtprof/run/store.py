"""A run as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any, TypeVar

from pvtprof.designs.checks import one_of
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec, StageSpec
from pvtprof.errors import StoreError
from pvtprof.fields import Fields, parsed, text_of
from pvtprof.moment import Moment
from pvtprof.observe.machine import read_environment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.prediction import read_ceilings
from pvtprof.run import store_v1
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.store_v1 import agreement, measurement, op_cost, prediction, shape

SCHEMA = "pvtprof.run/2"
_AGAIN = "repeat `pvtprof compare` or give another file"
#: Fields of a Row that are written as they are.
_PLAIN = (
    "runs_as",
    "dim",
    "num_heads",
    "sr_ratio",
    "blocks",
    "grid",
    "tokens",
    "kv_tokens",
    "macs",
    "params",
    "saved_bytes",
    "not_run",
)


def dumps(run: Run) -> str:
    """The run as JSON text. Rows name their design and their setting by position."""
    document = {
        "schema": SCHEMA,
        "command": run.command,
        "interrupted": run.interrupted,
        "environment": asdict(run.environment),
        "ceilings": run.ceilings and asdict(run.ceilings),
        "designs": [
            {"name": design.name, "kind": "pvt", "spec": asdict(design.spec)}
            for design in run.designs
        ],
        "settings": [asdict(setting) for setting in run.settings],
        "rows": [_row_document(run, row) for row in run.rows],
    }
    return json.dumps(document, indent=1) + "\n"


def _row_document(run: Run, row: Row) -> dict[str, Any]:
    read, written = row.moved_bytes
    return {
        "design": run.designs.index(row.design),
        "part": row.part.name,
        "setting": run.settings.index(row.setting),
        **{name: getattr(row, name) for name in _PLAIN},
        "peak_bytes": row.peak.bytes,
        "peak_at": row.peak.at,
        "moved_bytes": {"read": read, "written": written},
        "flops_per_byte": row.intensity,
        "witnesses": {name: asdict(found) for name, found in row.witnesses.items()},
        "latency_s": row.latency and _latency_document(row.latency),
        "predicted_s": row.predicted and asdict(row.predicted),
        "ops": [asdict(op) for op in row.ops],
    }


def _latency_document(taken: Measurement) -> dict[str, Any]:
    low, high = taken.interval or (None, None)
    return {
        "median": taken.median,
        "low": low,
        "high": high,
        **asdict(taken),
        "warnings": taken.warnings,
    }


def load(path: str | os.PathLike[str]) -> Run:
    """Return a run that was saved as JSON; raises StoreError for any other file."""
    return loads(text_of(path, _AGAIN), str(path))


def loads(text: str, name: str = "the text") -> Run:
    """Return a run from JSON text of this schema or of the one before."""
    return parsed(text, name, {SCHEMA: _run, store_v1.SCHEMA: store_v1.run}, _AGAIN)


def _run(document: Fields) -> Run:
    designs = [
        _design(Fields(one, f"designs[{i}].")) for i, one in enumerate(document.list("designs"))
    ]
    settings = [
        setting(Fields(one, f"settings[{i}].")) for i, one in enumerate(document.list("settings"))
    ]
    rows = tuple(
        _row(Fields(row, f"rows[{i}]."), designs, settings)
        for i, row in enumerate(document.list("rows"))
    )
    if len({row.key for row in rows}) != len(rows):
        raise StoreError("rows are not distinct: two are of one design, part and setting")
    return Run(
        read_environment(document.object("environment")),
        rows,
        document.text("command"),
        document.flag("interrupted"),
        read_ceilings(document.object("ceilings")) if document.has("ceilings") else None,
    )


def _design(document: Fields) -> PvtDesign:
    one_of("kind", document.text("kind"), ("pvt",))
    spec = document.object("spec")
    stages = tuple(
        StageSpec(
            **{name: stage.whole(name) for name in STAGE_NUMBERS}, variant=stage.text("variant")
        )
        for i, one in enumerate(spec.list("stages"))
        for stage in [Fields(one, f"{spec.name}stages[{i}].")]
    )
    return PvtDesign(
        document.text("name"),
        ModelSpec(
            name=spec.text("name"),
            version=spec.whole("version"),
            stages=stages,
            mlp_relu=spec.flag("mlp_relu"),
            pool_size=spec.whole("pool_size"),
            num_classes=spec.whole("num_classes"),
            built=spec.pair("built"),
        ),
    )


#: The whole numbers of a StageSpec.
STAGE_NUMBERS = ("dim", "depth", "num_heads", "mlp_ratio", "sr_ratio")


def setting(document: Fields) -> Setting:
    """The setting of a file."""
    numbers = {name: document.whole(name) for name in ("height", "width", "batch")}
    words = {name: document.text(name) for name in ("dtype", "device", "attention", "mode")}
    return Setting(**numbers, **words)  # type: ignore[arg-type] # by name


def _row(document: Fields, designs: list[PvtDesign], settings: list[Setting]) -> Row:
    witnesses = document.object("witnesses")
    design = _at(designs, document, "design")
    parts = {part.name: part for part in design.parts}
    part = parts[one_of(f"{document.name}part", document.text("part"), tuple(parts))]
    return Row(
        design=design,
        part=part,
        setting=_at(settings, document, "setting"),
        **shape(document, part),  # type: ignore[arg-type] # by name
        ops=tuple(op_cost(Fields(one, f"{document.name}ops.")) for one in document.list("ops")),
        peak=Moment(document.whole("peak_bytes"), document.text("peak_at")),
        saved_bytes=document.whole("saved_bytes"),
        witnesses={name: agreement(witnesses.object(name)) for name in witnesses.names()},
        latency=measurement(document.object("latency_s")) if document.has("latency_s") else None,
        predicted=prediction(document.object("predicted_s"))
        if document.has("predicted_s")
        else None,
        not_run=document.text("not_run") if document.has("not_run") else None,
    )


Placed = TypeVar("Placed")


def _at(found: list[Placed], document: Fields, key: str) -> Placed:
    number = document.whole(key)
    if number >= len(found):
        raise StoreError(f"{document.name}{key} is {number}; there are {len(found)} {key}s")
    return found[number]
