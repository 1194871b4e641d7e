"""A run as versioned JSON text, and back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pvtprof.decode import decoded, text_of
from pvtprof.designs.design import Design, PvtDesign
from pvtprof.designs.setting import Setting
from pvtprof.designs.training import PLAIN_TRAINING
from pvtprof.observe.machine import Environment
from pvtprof.observe.measurement import Measurement
from pvtprof.run.row import AS_THEY_ARE, Row
from pvtprof.run.run import Run

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration

SCHEMA = "pvtprof.run/2"
_AGAIN = "run `pvtprof compare` again, or give another file"


def dumps(run: Run) -> str:
    """Return the run as JSON text. Rows name their design and their setting by position."""
    document = {
        "schema": SCHEMA,
        "command": run.command,
        "interrupted": run.interrupted,
        **({"failure": run.failure} if run.failure else {}),
        "environment": _environment_document(run.environment),
        "ceilings": run.ceilings and asdict(run.ceilings),
        **({"calibration": _calibration_document(run.calibration)} if run.calibration else {}),
        "designs": [_design_document(design) for design in run.designs],
        "settings": [_setting_document(setting) for setting in run.settings],
        **({"forms": run.forms} if run.forms else {}),
        "rows": [_row_document(run, row) for row in run.rows],
    }
    return json.dumps(document, indent=1) + "\n"


def _design_document(design: Design) -> dict[str, Any]:
    if isinstance(design, PvtDesign):
        return {"name": design.name, "kind": "pvt", "spec": asdict(design.spec)}
    its = {name: value for name, value in asdict(design).items() if name != "name"}
    return {"name": design.name, "kind": "target", "spec": its}


def _setting_document(setting: Setting) -> dict[str, Any]:
    its = asdict(setting)
    del its["sizes"]
    for name, value in asdict(PLAIN_TRAINING).items():
        if its[name] == value:
            del its[name]
    return its | ({"sizes": setting.point} if setting.sizes else {})


def _environment_document(environment: Environment) -> dict[str, Any]:
    """Return an environment; fields that only a GPU has are left out elsewhere."""
    of_gpu = ("cudnn", "tf32", "gpu_settings")
    return {
        name: v for name, v in asdict(environment).items() if v is not None or name not in of_gpu
    }


def _calibration_document(calibration: Calibration) -> dict[str, Any]:
    environment = _environment_document(calibration.environment)
    return asdict(calibration) | {"environment": environment}


def _row_document(run: Run, row: Row) -> dict[str, Any]:
    read, written = row.moved_bytes
    return {
        "design": run.designs.index(row.design),
        "part": row.part.name,
        "setting": run.settings.index(row.setting),
        **{name: getattr(row, name) for name in (*AS_THEY_ARE, "saved_bytes", "not_run")},
        "peak_bytes": row.peak.bytes,
        "peak_at": row.peak.at,
        "moved_bytes": {"read": read, "written": written},
        "flops_per_byte": row.intensity,
        "witnesses": {name: asdict(found) for name, found in row.witnesses.items()},
        "latency_s": row.latency and _latency_document(row.latency),
        "predicted_s": row.predicted and asdict(row.predicted),
        **({"backend": row.backend} if row.backend else {}),
        **({"remarks": row.remarks} if row.remarks else {}),
        "ops": [asdict(op) for op in row.ops],
    }


def _latency_document(latency: Measurement) -> dict[str, Any]:
    low, high = latency.interval or (None, None)
    return {
        "median": latency.median,
        "low": low,
        "high": high,
        **asdict(latency),
        "warnings": latency.warnings,
    }


def load(path: str | os.PathLike[str]) -> Run:
    """Return a run that was saved as JSON; raises StoreError for any other file."""
    return loads(text_of(path, _AGAIN), str(path))


def loads(text: str, name: str = "the text") -> Run:
    """Return a run from JSON text of this schema or of the one before."""
    from pvtprof.run import documents, documents_v1

    kinds: dict[str | None, type[documents.RunDocument | documents_v1.RunDocument]] = {
        SCHEMA: documents.RunDocument,
        documents_v1.SCHEMA: documents_v1.RunDocument,
    }
    return decoded(text, name, kinds, _AGAIN).run
