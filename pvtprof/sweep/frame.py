"""A store as tables: a pandas frame, answers to SQL, Parquet and CSV."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pvtprof.designs.named import Model
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.errors import SpecError, StoreError, UnavailableError
from pvtprof.sweep.reading import Answer, connected, query
from pvtprof.sweep.stream import check_suffix, in_one_step

if TYPE_CHECKING:
    import pandas as pd

    from pvtprof.predict.choose import Found
    from pvtprof.sweep.stored import Progress

#: The columns of a frame, one fact a column; what pandas keeps each as.
COLUMNS = {
    **dict.fromkeys(("model", "design", "part"), "object"),
    **dict.fromkeys(("height", "width"), "Int64"),
    "sr_ratios": "object",
    **dict.fromkeys(("pool_size", "batch"), "Int64"),
    **dict.fromkeys(("dtype", "attention", "mode", "task"), "object"),
    "threads": "Int64",
    **dict.fromkeys(("device", "changes", "target", "at", "content"), "object"),
    **dict.fromkeys(("macs", "params", "moved_bytes", "peak_bytes"), "Int64"),
    **dict.fromkeys(
        ("latency_s", "latency_low_s", "latency_high_s", "predicted_s"),
        "float64",
    ),
    "tries": "Int64",
    **dict.fromkeys(("failure", "machine"), "object"),
}
EVERYTHING = f"SELECT {', '.join(COLUMNS)} FROM rows ORDER BY id, machine"
#: So much is said of why an answer cannot be written.
MOST_SAID = 200


@dataclass(frozen=True)
class SweepStore:
    """The store of a sweep, to be read: nothing here changes it."""

    path: str

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas frame: a line for each row and machine, a fact a column, units in names.

        A row that was not measured has a line without a machine.
        """
        import pandas as pd

        answer = query(self.path, EVERYTHING)
        return pd.DataFrame.from_records(answer.rows, columns=list(answer.columns)).astype(COLUMNS)

    def query(self, sql: str) -> pd.DataFrame:
        """Return the answer to SQL that reads, as a frame; raises SpecError for SQL that writes."""
        import pandas as pd

        answer = query(self.path, sql)
        return pd.DataFrame.from_records(answer.rows, columns=list(answer.columns))

    def choose(
        self, model: Model = DEFAULT_MODEL, img: int | tuple[int, int] = 224, **words: Any
    ) -> Found:
        """Return the best designs by the times in the store; what it has no time of is predicted.

        ``words`` are those of ``pvtprof.choose``, and ``measure``, ``machine`` and ``threads``. See
        ``pvtprof.sweep.asking.choose``.
        """
        from pvtprof.sweep import asking

        return asking.choose(self.path, model, img, **words)

    def progress(self) -> Progress:
        """Return how far the sweep is."""
        from pvtprof.sweep.store import Store

        with Store.open(self.path, read_only=True) as store:
            return store.progress()

    def export(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the frame as Parquet or CSV, by the end of the name.

        Parquet needs pyarrow (``pip install "pvtprof[sweep]"``).
        """
        export(query(self.path, EVERYTHING), path, force)


def open(path: str | os.PathLike[str]) -> SweepStore:
    """Return the store of a sweep, to be read: as a frame, by SQL, as a file, as an answer.

    Its methods are ``to_frame()``, ``query(sql)``, ``export(path)``, ``progress()`` and
    ``choose(model, img, ...)``. Nothing of it changes the store but ``choose`` with ``measure``,
    which adds times. Raises StoreError for any other file.

    >>> open("no.sqlite")
    Traceback (most recent call last):
    pvtprof.errors.StoreError: there is no no.sqlite; `pvtprof sweep -o no.sqlite` makes a store
    """
    with connected(path):
        return SweepStore(os.fspath(path))


def export(answer: Answer, path: str | os.PathLike[str], force: bool = False) -> None:
    """Write an answer as Parquet or CSV in one step; never over another file without ``force``."""
    check_exportable(path, force)
    found = _typed(answer)
    is_parquet = Path(path).suffix == ".parquet"
    with in_one_step(Path(path)) as temporary:
        try:
            if is_parquet:
                found.to_parquet(temporary, index=False)
            else:
                found.to_csv(temporary, index=False, lineterminator="\n")
        except ImportError:
            raise UnavailableError('Parquet needs pyarrow: pip install "pvtprof[sweep]"') from None
        except (ValueError, TypeError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:MOST_SAID]
            raise SpecError(f"{path} cannot hold this answer: {reason}; write a .csv") from None


def _typed(answer: Answer) -> pd.DataFrame:
    """Return a frame whose columns have the kinds of a store's, as far as their values allow it."""
    import pandas as pd

    found = pd.DataFrame.from_records(answer.rows, columns=list(answer.columns))
    for name, kind in COLUMNS.items() if found.columns.is_unique else ():
        if name in found.columns:
            with suppress(ValueError, TypeError):  # SQL may call anything by such a name
                found = found.astype({name: kind})
    return found


def check_exportable(path: str | os.PathLike[str], force: bool) -> None:
    """Raise StoreError if a table must not be written to ``path``; change nothing."""
    target = Path(path)
    check_suffix(target)
    if target.exists() and not force:
        raise StoreError(f"{path} is there already; choose another path, or use --force")
