"""Values of a TOML file, not yet checked: of a design file, or of the file of a sweep."""

from __future__ import annotations

import os

from pvtprof.errors import SpecError

#: The largest file that is read.
MOST_BYTES = 2**20


def toml_in(
    path: str | os.PathLike[str], what: str, syntax: str, way_out: str = "write one"
) -> dict[str, object]:
    """Return the values in a TOML file; raise SpecError or StoreError for one that is none.

    ``what`` it should be, the ``syntax`` that is right, and the ``way_out`` are for messages.
    """
    import tomllib

    from pvtprof.decode import text_of

    if os.path.isfile(path):
        if os.path.getsize(path) > MOST_BYTES:
            raise SpecError(
                f"{path} has more than {MOST_BYTES} bytes, which is no {what.partition(' ')[2]}"
            )
    elif os.path.exists(path) and not os.path.isdir(path):  # a pipe: reading it may never end
        raise SpecError(f"{path} is no regular file; give the path of {what}")
    text = text_of(path, way_out)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    except (ValueError, RecursionError):
        reason = "a number in it has too many digits, or lists are nested too deep"
    raise SpecError(f"{path} is not TOML: {reason}; {syntax}")
