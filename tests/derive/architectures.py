"""Architectures that nobody here wrote, derived and held to witnesses: ``python -m`` this module.

Each runs in a process of its own; results are added to a JSON file, so that a run can go on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TRANSFORMERS = (
    "PvtModel",
    "PvtV2Model",
    "SegformerModel",
    "SwinModel",
    "Swinv2Model",
    "ConvNextModel",
    "ConvNextV2Model",
    "PoolFormerModel",
    "MobileViTModel",
    "EfficientNetModel",
    "ResNetModel",
    "RegNetModel",
    "BeitModel",
    "ViTModel",
    "DeiTModel",
    "Dinov2Model",
    "VitDetModel",
    "DPTModel",
    "CvtModel",
    "FocalNetModel",
    "LevitModel",
    "HieraModel",
    "BertModel",
    "GPT2Model",
    "WhisperEncoder",
)
TIMM = (
    "twins_svt_small",
    "coat_lite_tiny",
    "efficientformer_l1",
    "maxvit_tiny_tf_224",
    "edgenext_small",
    "xcit_nano_12_p16_224",
    "pvt_v2_b1",
    "convnext_tiny",
    "mobilevit_s",
)
TARGETS = (*(f"transformers:{name}" for name in TRANSFORMERS), *(f"timm:{n}" for n in TIMM))
TRAINED = (
    "transformers:PvtV2Model",
    "transformers:SegformerModel",
    "transformers:BeitModel",
    "transformers:ConvNextModel",
    "transformers:ResNetModel",
    "transformers:Dinov2Model",
    "transformers:CvtModel",
    "transformers:BertModel",
    "transformers:SwinModel",
)
#: Points of torch's counter, of live bytes, and of a training step.
POINTS, LIVE, STEPS = 42, 6, 3


def loaded(target: str) -> tuple[Any, Any]:
    """The module and its example."""
    from pvtprof.observe.target import load

    if target.startswith("timm:"):
        from tests.derive.torchvision_stub import install

        install()
    if target == "transformers:WhisperEncoder":
        return _whisper()
    return load(target)


def _whisper() -> tuple[Any, Any]:
    import torch
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig()
    with torch.device("meta"):
        module = WhisperEncoder(config).eval()
    return module, {"input_features": torch.zeros(1, config.num_mel_bins, 3000)}


def result(target: str, mode: str) -> dict[str, Any]:
    """What deriving gave and what the witnesses said, as a row of the table."""
    import pvtprof
    from pvtprof.errors import PvtprofError

    row: dict[str, Any] = {"target": target, "mode": mode}
    try:
        module, example = loaded(target)
        started = time.process_time()
        form = pvtprof.derive(module, example, name=target, mode=mode, limit_s=300, verify=False)
    except PvtprofError as error:
        return row | {"derived": False, "reason": str(error)}
    row |= {
        "derived": True,
        "cpu_s": round(time.process_time() - started, 1),
        "pieces": [str(piece.domain) or "every size from 2 on" for piece in form.pieces],
        "remarks": list(form.remarks),
    }
    return row | _held(module, example, form, mode)


def _held(module: Any, example: Any, form: Any, mode: str) -> dict[str, Any]:
    from pvtprof.derive import verify
    from pvtprof.observe.inputs import example as as_example

    given = as_example(example)
    training = mode == "training"
    wanted = STEPS if training else POINTS
    points: list[dict[str, int]] = []
    for share, piece in zip(_shares(wanted, len(form.pieces)), form.pieces, strict=True):
        points += verify.drawn(piece, form.example, share)
    if len(points) < wanted:
        more = verify.drawn(form.pieces[0], form.example, wanted)
        points += [p for p in more if p not in points][: wanted - len(points)]
    right, wrong, off = 0, [], []
    live_right = live_tried = 0
    each = max(1, len(points) // (STEPS if training else LIVE))
    for i, point in enumerate(points):
        costs = form(**point)
        counted = verify.flops(module, given, point, training)["macs"]
        right += counted == costs.macs
        if counted != costs.macs:
            wrong.append({"point": point, "formula": int(costs.macs), "counted": counted})
        if i % each == 0:
            for figure, value in verify.live(module, given, point, training).items():
                live_tried += 1
                live_right += value == getattr(costs, figure)
                if value != getattr(costs, figure):
                    formula = int(getattr(costs, figure))
                    found = {"point": point, "figure": figure}
                    off.append(found | {"formula": formula, "observed": value})
    params = sum(p.numel() for p in module.parameters()) == form.params
    return {
        "points": len(points),
        "right": right,
        "wrong": wrong[:3],
        "params": params,
        "bytes_tried": live_tried,
        "bytes_exact": live_right,
        "off": off[:3],
    }


def _shares(count: int, pieces: int) -> list[int]:
    first = max(count // 2, count - 8 * (pieces - 1))
    return [first, *([max(1, (count - first) // max(1, pieces - 1))] * (pieces - 1))]


def main(path: Path, only: list[str]) -> None:
    """Run what the file does not have yet."""
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    jobs = [(target, "inference") for target in TARGETS] + [(t, "training") for t in TRAINED]
    for target, mode in jobs:
        if only and not any(name in f"{target} {mode}" for name in only):
            continue
        if any((row["target"], row["mode"]) == (target, mode) for row in rows) and not only:
            continue
        ran = subprocess.run(
            [sys.executable, "-m", "tests.derive.architectures", "one", target, mode],
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        last = (ran.stdout.strip().splitlines() or [""])[-1]
        try:
            row = json.loads(last)
        except ValueError:
            tail = (ran.stderr.strip().splitlines() or ["no output"])[-1]
            row = {"target": target, "mode": mode, "derived": False, "reason": f"crashed: {tail}"}
        rows = [r for r in rows if (r["target"], r["mode"]) != (target, mode)] + [row]
        rows.sort(key=lambda row: jobs.index((row["target"], row["mode"])))
        path.write_text(json.dumps(rows, indent=1) + "\n")
        print(
            {
                k: row.get(k)
                for k in (
                    "target",
                    "mode",
                    "derived",
                    "cpu_s",
                    "points",
                    "right",
                    "bytes_tried",
                    "bytes_exact",
                    "reason",
                )
            },
            flush=True,
        )


def table(path: Path) -> str:
    """The rows as Markdown, for docs/architectures.md."""
    rows = json.loads(path.read_text())
    columns = ("architecture", "mode", "derived", "pieces", "CPU s", "points right", "bytes exact")
    lines = [f"| {' | '.join(columns)} | domain |", "|---|---|---|---:|---:|---:|---:|---|"]
    for row in rows:
        if not row["derived"]:
            lines.append(f"| `{row['target']}` | {row['mode']} | no: {row['reason']} | | | | | |")
            continue
        lines.append(
            f"| `{row['target']}` | {row['mode']} | yes | {len(row['pieces'])} | {row['cpu_s']} | "
            f"{row['right']} of {row['points']} | {row['bytes_exact']} of {row['bytes_tried']} | "
            f"{row['pieces'][0]} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1] == "one":
        print(json.dumps(result(sys.argv[2], sys.argv[3])))
    elif sys.argv[1] == "table":
        print(table(Path(sys.argv[2])), end="")
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
