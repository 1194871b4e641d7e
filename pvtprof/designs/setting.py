"""The setting of a design: image, batch, dtype, attention implementation, mode, device."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE, one_of, positive
from pvtprof.designs.training import PLAIN_TRAINING, Training, refuse_own_modules
from pvtprof.designs.words import ATTENTIONS, DTYPES, MODES
from pvtprof.errors import SpecError


@dataclass(frozen=True, slots=True)
class Setting:
    """What a design runs on, and how it runs.

    ``height`` and ``width`` in pixels. ``device`` is what torch calls it; "none" for formulas
    alone. ``mode`` "training" is a forward pass and its backward, for peak memory and latency; MACs
    and moved bytes are those of the forward pass in both modes. ``sizes`` are the free sizes of a
    user's own module by name; there ``height`` and ``width`` are 0. ``optimizer``, ``amp`` and
    ``checkpoint`` are those of a ``Training``, in training alone.
    """

    height: int
    width: int
    batch: int = 1
    dtype: str = "float32"
    device: str = "none"
    attention: str = "eager"
    mode: str = "inference"
    sizes: tuple[tuple[str, int], ...] = ()
    optimizer: str = "none"
    amp: str = "off"
    checkpoint: bool = False

    def __post_init__(self) -> None:
        if self.sizes:
            for name, size in self.sizes:
                positive(f"size {name}", size)
        else:
            positive("image height", self.height, MAX_SIDE)
            positive("image width", self.width, MAX_SIDE)
            positive("batch", self.batch, MAX_BATCH)
        one_of("dtype", self.dtype, tuple(DTYPES))
        one_of("attention", self.attention, ATTENTIONS)
        one_of("mode", self.mode, MODES)
        self._check_training()

    def _check_training(self) -> None:
        training = self.training
        if self.mode != "training" and not training.is_plain:
            raise SpecError(
                f"{training.options} is for training, but the mode is {self.mode}; "
                "use --mode training, or leave it out"
            )
        if self.amp != "off" and self.dtype != "float32":
            raise SpecError(
                f"amp {self.amp} lowers operators of a float32 network, and dtype is {self.dtype}; "
                "use dtype float32, or amp off"
            )
        if self.sizes:
            refuse_own_modules(training)

    @property
    def training(self) -> Training:
        """What a training step does besides forward pass and backward."""
        return Training(self.optimizer, self.amp, self.checkpoint)

    def in_mode(self, mode: str) -> Setting:
        """Return the same setting in another mode; how one trains is of training alone."""
        if mode == "training":
            return replace(self, mode=mode)
        return replace(self, mode=mode, **asdict(PLAIN_TRAINING))

    @property
    def image(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def point(self) -> dict[str, int]:
        """The free sizes of a user's own module, by name."""
        return dict(self.sizes)

    @property
    def bytes_each(self) -> int:
        """Bytes of one element."""
        return DTYPES[self.dtype]

    @property
    def on_cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.startswith("cuda")
