"""The Python API: what the command line does, as functions of plain values.

The values of a run know nothing of files, tables and pages, so that imports run one way. Here,
where all rooms meet, ``Run`` gets the methods that make it convenient. It is a subclass and not a
set of functions attached at run time: an editor and a type checker see its methods.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pvtprof.check.entry import check as check
from pvtprof.derive.entry import derive as derive
from pvtprof.designs.checks import image_size, one_of
from pvtprof.designs.chosen import Given
from pvtprof.designs.device import device_word
from pvtprof.designs.named import Model, network
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.training import Training, refuse_own_modules
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DEFAULT_BUDGET_S, DEFAULT_MODEL
from pvtprof.designs.workload import Workload, workload, workload_to_fit
from pvtprof.errors import SpecError
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.entry import calibrate as calibrate
from pvtprof.predict.entry import choose as choose
from pvtprof.predict.kept import kept_calibration
from pvtprof.run import compare as comparing
from pvtprof.run import run as runs
from pvtprof.run import store
from pvtprof.run.compare import Size
from pvtprof.run.measuring import Measuring
from pvtprof.run.reconcile import reconcile as reconcile
from pvtprof.run.targets import Wanted, sorted_out
from pvtprof.sweep.entry import sweep as sweep
from pvtprof.sweep.frame import open as open

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from torch import nn

    from pvtprof.analytic.fit import Fits

#: Columns of a text where no terminal says how many it has.
WIDTH = 120


@dataclass(frozen=True)
class Run(runs.Run):
    """One run of ``compare``, with what a notebook or a script needs of it."""

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy pandas frame: one line per row, one fact per column, units in the names."""
        from pvtprof.run.frame import frame

        return frame(self)

    def figures(self) -> dict[str, go.Figure]:
        """Return charts of the run as plotly figures, by name: "macs", "latency", "live", ..."""
        from pvtprof.report.figures import all_figures

        return all_figures(self)

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the run as JSON; never over a file that pvtprof did not write."""
        from pvtprof import files

        files.write(path, store.dumps(self), force, ".json")

    def to_html(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the report as one offline page; never over a file that pvtprof did not write."""
        from pvtprof import files
        from pvtprof.report.page.html import render

        files.write(path, render(self), force, ".html")

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        from pvtprof.report.notebook import bundle

        return bundle(self)


def with_methods(run: runs.Run) -> Run:
    """Return the same run, with the methods of the API."""
    return Run(**{field.name: getattr(run, field.name) for field in fields(run)})


def compare(
    model: Model | nn.Module | Sequence[Model | nn.Module] = DEFAULT_MODEL,
    img: Size | Sequence[Size] = 224,
    sr_ratios: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "eager",
    mode: str = "inference",
    optimizer: str = "none",
    amp: str = "off",
    checkpoint: bool = False,
    pool_size: int | None = None,
    designs: Given = (),
    task: str | None = None,
    proposals: int | None = None,
    example: object = None,
    free: str | None = None,
    at: Mapping[str, int] | None = None,
    depth: int = 1,
    budget_s: float = DEFAULT_BUDGET_S,
    cuda_graph: bool = False,
    tf32: bool = False,
    analytic: bool = False,
    calibration: Calibration | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Run:
    """Return the cost of ``mha``, ``sra_conv`` and ``sra_pool`` in every stage of PVT models.

    The figures come from closed forms, independent counters (fvcore, torch's) and the clock.
    ``model`` is a name, the path of a design file or a ``ModelSpec``, or several. ``img`` is a side
    in pixels, or (height, width), or a list of those. Every model at every size is a comparison of
    its own: see ``Run.comparisons``. ``sr_ratios`` are R of each stage for ``sra_conv``, and
    ``pool_size`` is the side to which ``sra_pool`` pools (default: the model's own). ``designs``
    replace the three: each is a variant for all stages, or a list with a variant for each stage; a
    mapping gives them names. ``budget_s`` limits the time of measuring; 0 measures no latency.
    ``cuda_graph`` also times the replay of a CUDA graph, in which no kernel waits for its launch
    (inference on a GPU). ``tf32`` lets products and convolutions of float32 run in TF32 on a GPU.
    ``analytic`` gives only the closed forms and does not import torch. ``calibration`` is used to
    predict the latency of rows in inference. None means no prediction; with ``analytic``, it means
    this machine's calibration, if there is one (a warning says why one cannot be used).
    ``progress`` is called with texts that say what is being done.

    ``model`` also takes modules of your own: a torch module, with ``example`` as its input, or a
    target such as "windows.py:attention". They make one comparison, with their derived closed
    forms. ``free`` names the dimensions of the input that vary, ``at`` gives their sizes, and
    submodules have rows down to ``depth``.

    With ``mode="training"``, ``optimizer`` ("sgd", "momentum", "adamw"), ``amp`` ("bfloat16",
    "float16") and ``checkpoint`` (each block is recomputed) say how PVT's models are trained.

    ``task`` makes the models backbones: "pyramid", "fpn", "retinanet", "semantic-fpn" or
    "mask-rcnn", whose box head takes ``proposals`` of each image. PVT v1 is the published network,
    with position embeddings stored for 224x224 and resized. Raises
    SpecError for impossible input, UnavailableError if there is no such device. Ctrl-C ends the
    measuring and returns what there is; ``Run.interrupted`` says so.

    >>> run = compare("pvt_v2_b2", img=224, sr_ratios=(8, 4, 2, 1), analytic=True)
    >>> run.row(1, "mha").kv_tokens, run.row(1, "sra_conv").kv_tokens
    (3136, 49)
    >>> len(compare(["pvt_v2_b0", "pvt_v2_b2"], img=[224, 512], analytic=True).comparisons)
    4
    """
    device_word(device)
    calibration = calibration or (_kept(device, dtype, mode) if analytic else None)
    names, given = _sorted_out(model, example, task, Training(optimizer, amp, checkpoint))
    words: dict[str, Any] = {"batch": batch, "dtype": dtype, "attention": attention, "mode": mode}
    words |= {"pool_size": pool_size, "designs": designs, "task": task, "proposals": proposals}
    words |= {"optimizer": optimizer, "amp": amp, "checkpoint": checkpoint}
    asked = comparing.workloads(names, img, sr_ratios, **words) if names or not given else []
    how: dict[str, Any] = {"analytic": analytic, "calibration": calibration, "progress": progress}
    how["measuring"] = Measuring(str(device), budget_s, cuda_graph, tf32)
    if not given:
        return with_methods(comparing.compare(asked, **how))
    return with_methods(_of_own(Wanted(given, _at(at, batch), free, depth, mode), asked, how))


def _of_own(wanted: Wanted, asked: Sequence[Workload], how: dict[str, Any]) -> runs.Run:
    from pvtprof.run import own

    return own.compare(wanted, asked, **how)


def _kept(device: str, dtype: str, mode: str) -> Calibration | None:
    """Return this machine's calibration; a warning says why it cannot be used."""
    found, problem = kept_calibration(device, dtype, mode)
    if problem:
        warnings.warn(problem, stacklevel=3)
    return found


def _sorted_out(
    model: Any, example: object, task: str | None, training: Training
) -> tuple[list[Any], list[Any]]:
    """Return the networks and the modules of the user's own, which have neither of the others."""
    names, given = sorted_out(model, example)
    if given:
        refuse_own_modules(training)
    if given and task is not None:
        raise SpecError(f"task {task!r} is for PVT's models, not of modules of your own; leave it")
    return names, given


def _at(at: Mapping[str, int] | None, batch: int) -> dict[str, int]:
    """Sizes of the user's own modules; a batch other than 1 is theirs too."""
    return ({"b": batch} if batch != 1 else {}) | dict(at or {})


def load(path: str | os.PathLike[str]) -> Run:
    """Return a run that was saved as JSON; raises StoreError for any other file."""
    return with_methods(store.load(path))


def models(
    img: int | tuple[int, int] = 224,
    model: Model | Sequence[Model] | None = None,
    task: str | None = None,
    proposals: int | None = None,
) -> list[dict[str, str | int]]:
    """Return params, MACs and fvcore's count of the eleven published models, or of ``model``.

    >>> models(224)[0]["model"], models(224)[0]["params"]
    ('pvt_tiny', 13229288)
    >>> models(224, "pvt_v2_b0_li")[0]["params"]
    3393864
    """
    from pvtprof.analytic.parts import summaries

    if model is None:
        several: Sequence[Model] = tuple(MODELS)
    else:
        several = [model] if isinstance(model, str | os.PathLike | ModelSpec) else model
    return summaries([network(one).used_for(task, proposals) for one in several], image_size(img))


def formula(
    variant: str,
    form: str = "text",
    *,
    model: Model | None = None,
    img: int | tuple[int, int] | None = None,
    sr_ratios: Sequence[int] | None = None,
    batch: int | None = None,
    pool_size: int | None = None,
) -> str:
    """Return the closed form of an attention variant as "text", "latex" or "python".

    With ``model``, ``img``, ``sr_ratios``, ``batch`` or ``pool_size``, the text also has the
    figures of every stage.

    >>> [line for line in formula("mha").splitlines() if line.startswith("params")]
    ['params = 4 C² + 4 C']
    """
    from pvtprof.report.commands import formula as formulas

    one_of("variant", variant, tuple(VARIANTS))
    one_of("form", form, formulas.FORMATS)
    words: dict[str, Any] = {"model": model, "img": img, "batch": batch, "pool_size": pool_size}
    at = {name: value for name, value in words.items() if value is not None}
    numbers = at or sr_ratios is not None
    work = workload(sr_ratios=sr_ratios, **at) if numbers else None
    return formulas.render(variant, form, work, WIDTH)


def fit(
    memory_bytes: int | None = None,
    model: Model = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    sr_ratios: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "eager",
    optimizer: str = "none",
    amp: str = "off",
    checkpoint: bool = False,
    pool_size: int | None = None,
    designs: Given = (),
    task: str | None = None,
    proposals: int | None = None,
) -> Fits:
    """Return the largest image and the largest batch that fit into memory, for every design.

    ``memory_bytes`` None means the memory of ``device`` that tensors can use. The answer comes from
    closed forms; nothing is built. ``model``, ``designs``, ``task`` and ``proposals`` are as in
    ``compare``. ``optimizer``, ``amp`` and ``checkpoint`` apply to the answers in training. Raises
    SpecError if the parameters alone do not fit.

    >>> found = fit(24 * 2**30, "pvt_v2_b2")
    >>> [(one.image.size, one.mode) for one in found.fits if one.variant == "sra_conv"]
    [(2684, 'inference'), (1724, 'training')]
    """
    from pvtprof.analytic.fit import fits
    from pvtprof.observe.environment import device_memory

    words: dict[str, Any] = {"batch": batch, "dtype": dtype, "attention": attention}
    words |= {"pool_size": pool_size, "designs": designs, "task": task, "proposals": proposals}
    words |= {"optimizer": optimizer, "amp": amp, "checkpoint": checkpoint}
    work = workload_to_fit(model, img, sr_ratios=sr_ratios, **words)
    if memory_bytes is None:
        memory_bytes = device_memory(device).bytes
    return fits(work.designs, work.setting, memory_bytes)
