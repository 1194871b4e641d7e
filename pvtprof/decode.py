"""Typed values from the text of JSON files: runs, baselines, samples, calibrations.

No number in a file may be negative, infinite, not a number, or of more than 60 digits, and no text
may have control characters. A value that breaks this rule is replaced by an ``_Unfit`` before
msgspec sees it. So it is refused in a field that has a type, and ignored in a field that this
version does not know.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pvtprof.errors import PvtprofError, SchemaError, StoreError

if TYPE_CHECKING:
    from msgspec import ValidationError

#: No count has more digits: far beyond any network, and every figure can still be shown.
MOST_DIGITS = 60
#: How files in other encodings begin; that of UTF-32 begins as UTF-16's does, and comes first.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
#: A value has at most so many characters in a message.
MOST_SHOWN = 60
#: Names of msgspec's types in messages.
WORDS = {
    "int": "a whole number of 0 or more",
    "float": "a finite number of 0 or more",
    "str": "plain text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}

Value = TypeVar("Value")


def text_of(path: str | os.PathLike[str], way_out: str) -> str:
    """Return the text of a file; raise StoreError, whose message ends with ``way_out``."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot read {path}: {reason}; check the path, or {way_out}") from None
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            raise StoreError(f"{path} is in {encoding}; save it as UTF-8, or {way_out}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_binary = b"\0" in content
        kind = "not a text file; check the path" if is_binary else "not in UTF-8; save it as UTF-8"
        raise StoreError(f"{path} is {kind}, or {way_out}") from None


def loaded(
    path: str | os.PathLike[str], kinds: Mapping[str | None, type[Value]], way_out: str
) -> Value:
    """Return the typed value in a file; see ``decoded``."""
    return decoded(text_of(path, way_out), str(path), kinds, way_out)


def decoded(text: str, name: str, kinds: Mapping[str | None, type[Value]], way_out: str) -> Value:
    """Return the typed value (a dataclass or a Struct) in JSON text.

    ``kinds`` maps each allowed schema to the type of its value; None stands for files that pvtprof
    did not write. Raises StoreError in one line: the ``name`` of the file, the path of the field,
    the value there, what is allowed, and the ``way_out``.
    """
    try:
        document = _strict(json.loads(text))
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise StoreError(f"{name} is not JSON, or is cut off{where}; {way_out}") from None
    found = document.get("schema") if isinstance(document, dict) else None
    is_known = isinstance(found, str | None) and found in kinds
    if not is_known and None in kinds:
        raise SchemaError(f"{name} was written by pvtprof, not by pytest-benchmark; {way_out}")
    if not is_known:
        schema = "no schema" if found is None else f"the schema {_shown(found)}"
        allowed = " and ".join(map(repr, kinds))
        raise SchemaError(f"{name} has {schema}; this command reads {allowed}; {way_out}")
    return _converted(document, name, kinds[found], way_out)


def converted(document: Any, name: str, kind: type[Value], way_out: str) -> Value:
    """Return the typed value of a document that was read already, such as one of TOML.

    Raises StoreError as ``decoded`` does.
    """
    return _converted(_strict(document), name, kind, way_out)


def _converted(document: Any, name: str, kind: type[Value], way_out: str) -> Value:
    import msgspec

    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise StoreError(f"{name}: {_fault(error, document, kind)}; {way_out}") from None


class _Unfit:
    """A number, a text or a name that no field may hold."""

    def __init__(self, value: int | float | str) -> None:
        self.value = value

    def __repr__(self) -> str:
        if isinstance(self.value, int) and abs(self.value) >= 10**MOST_DIGITS:
            return f"a number of more than {MOST_DIGITS} digits"
        return ascii(self.value)


def _strict(value: Any) -> Any:
    """Return a JSON value with an _Unfit in place of each value that no field may hold."""
    if isinstance(value, dict):
        return {_strict(key): _strict(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_strict(held) for held in value]
    if isinstance(value, str):
        return value if value.isprintable() else _Unfit(value)
    if isinstance(value, float):
        return value if 0 <= value < float("inf") else _Unfit(value)
    if isinstance(value, int):
        return value if 0 <= value < 10**MOST_DIGITS else _Unfit(value)
    return value


def _shown(value: object) -> str:
    """Return the value in ASCII, cut to MOST_SHOWN characters."""
    text = ascii(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


#: A message of msgspec: what is wrong, and where.
_MESSAGE = re.compile(r"(.*?)(?: - at (`key` in )?`\$(.*)`)?", re.DOTALL)


def _fault(error: ValidationError, document: Any, kind: type[Any]) -> str:
    """Return what is wrong, where, and what is allowed."""
    match = _MESSAGE.fullmatch(str(error))
    wrong, is_name, steps = match.groups() if match else (str(error), None, None)
    path, value = _place(error, steps or "", document, kind)
    if isinstance(cause := error.__cause__, PvtprofError):  # of a __post_init__
        return f"{path}: {cause}" if path else str(cause)
    if cause is not None:
        raise cause  # a mistake in the code, not in the file
    if missing := re.fullmatch("Object missing required field `(.+)`", wrong):
        return f"there is no field {path}{'.' if path else ''}{missing[1]}"
    if is_name:
        path, value = f"a name in {path or 'it'}", next(k for k in value if isinstance(k, _Unfit))
    return f"{path or 'it'} is {_shown(value)}, not {_allowed(wrong)}"


def _allowed(wrong: str) -> str:
    """Return what msgspec expected, in words.

    >>> _allowed("Expected `int | null`, got `str`")
    'a whole number of 0 or more or null'
    >>> _allowed("Expected `float` > 0.0"), _allowed("Expected `array` of length 2, got 1")
    ('a finite number > 0.0', 'a list of length 2')
    """
    match = re.fullmatch(r"Expected `([^`]*)`([^,]*)(, got .*)?", wrong)
    if not match:
        return f"what is allowed: {wrong}"
    kinds, limit, _ = match.groups()
    words = " or ".join(WORDS.get(kind, kind) for kind in kinds.split(" | "))
    return words.removesuffix(" of 0 or more" if limit else "") + limit


def _place(error: ValidationError, steps: str, document: Any, kind: type[Any]) -> tuple[str, Any]:
    """Return the path that ``steps`` of msgspec's lead to, and what is there in the document.

    msgspec leaves out the names of a mapping's members ("[...]"): the member is the first that
    gives the same error where it is the only one.
    """
    path, value = "", document
    for field, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", steps):
        if index.isdigit():
            path, value = f"{path}[{index}]", value[int(index)]
            continue
        key = field or _culprit(error, value, document, kind)
        path, value = f"{path}.{ascii(key)[1:-1]}", value[key]
    return path.removeprefix("."), value


def _culprit(error: ValidationError, members: Any, document: Any, kind: type[Any]) -> Any:
    """Return the name of the member of a mapping in the document that causes the error."""
    from msgspec import ValidationError, convert

    everything = dict(members)
    for key, value in everything.items():
        members.clear()
        members[key] = value
        try:
            convert(document, kind)
        except ValidationError as found:
            if str(found) == str(error):
                break
    members.update(everything)
    return key
