"""How a network is trained: optimizer, mixed precision, recomputed blocks."""

from __future__ import annotations

from dataclasses import dataclass

from pvtprof.designs.checks import one_of
from pvtprof.designs.words import AMPS, OPTIMIZERS
from pvtprof.errors import SpecError


@dataclass(frozen=True, slots=True)
class Training:
    """What a training step does besides the forward pass and its backward.

    ``optimizer`` is the one whose step follows: "sgd", "momentum" (SGD with momentum 0.9),
    "adamw", or "none". ``amp`` is the dtype to which ``torch.autocast`` lowers operators in the
    forward pass, or "off". ``checkpoint``: each block is recomputed in the backward pass, by
    ``torch.utils.checkpoint`` with ``use_reentrant=False``.
    """

    optimizer: str = "none"
    amp: str = "off"
    checkpoint: bool = False

    def __post_init__(self) -> None:
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("amp", self.amp, AMPS)
        if not isinstance(self.checkpoint, bool):
            raise SpecError(f"checkpoint is {self.checkpoint!r}; use true or false")

    @property
    def is_plain(self) -> bool:
        """Whether a step is the forward pass and its backward alone."""
        return self == PLAIN_TRAINING

    @property
    def file_words(self) -> tuple[str, ...]:
        """What differs from a plain step, for the name of a file."""
        named = (word for word in (self.optimizer, self.amp) if word not in ("none", "off"))
        return (*named, *["checkpoint"] * self.checkpoint)

    @property
    def options(self) -> str:
        """The options of the command line that differ from a plain step.

        >>> Training("adamw", checkpoint=True).options
        '--optimizer adamw --checkpoint'
        """
        given = {
            f"--optimizer {self.optimizer}": self.optimizer != "none",
            f"--amp {self.amp}": self.amp != "off",
            "--checkpoint": self.checkpoint,
        }
        return " ".join(option for option, holds in given.items() if holds)

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from a plain step, in words.

        >>> Training("adamw", "bfloat16", True).words
        ('adamw', 'autocast to bfloat16', 'blocks recomputed')
        """
        said = {
            self.optimizer: self.optimizer != "none",
            f"autocast to {self.amp}": self.amp != "off",
            "blocks recomputed": self.checkpoint,
        }
        return tuple(word for word, holds in said.items() if holds)


def refuse_own_modules(training: Training) -> None:
    """Raise where a step has more than forward and backward: PVT's models alone have that."""
    if not training.is_plain:
        raise SpecError(
            f"{training.options} is for PVT's models alone, and a module of your own is asked for; "
            "leave it out, or ask for PVT's models by themselves"
        )


#: Forward pass and backward, and nothing else.
PLAIN_TRAINING = Training()
