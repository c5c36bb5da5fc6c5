"""The contract at the door: a request becomes rows, or an error that names field, value found and values allowed."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Contract, Field, Kind
from components.core.errors import ContractViolation
from components.core.shown import shown
from components.serving.exchange import Request, Tensor, TooLarge

INTEGERS = ("INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8")
NUMBERS = ("FP64", "FP32", *INTEGERS)
DATATYPES: dict[Kind, tuple[str, ...]] = {"int": NUMBERS, "float": NUMBERS, "category": ("BYTES",), "date": ("BYTES",)}
"""V2 datatypes in which a field of each kind may come; what does not fit without loss is refused value by value."""

EXACT = 2.0**53
"""Up to here every whole number is a float."""

SHOWN = 5
"""Problems told in one error; a client mends them together."""

LONG_NAME = 100
"""A name of so many characters is no misspelt input."""

LONGEST = 1000
"""Most characters of text for a category with an open domain; what is accepted is kept in the prediction log."""

Array = npt.NDArray[Any]

_EPOCH = date(1970, 1, 1).toordinal()
_NO_DAY = int(np.datetime64("NaT", "D").astype(np.int64))

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check(request: Request, contract: Contract, max_rows: int) -> Columns:
    """Turn a request into rows that fit the contract.

    A nullable input may be left out, and is then missing in every row. Blank text is missing, as it is in training.

    Args:
        request: decoded, not yet looked at.
        contract: what the model takes.
        max_rows: more are refused.

    Returns:
        All of the contract's inputs by column, n ≥ 1 rows.

    Raises:
        TooLarge: more than ``max_rows`` rows.
        ContractViolation: anything else; names up to ``SHOWN`` problems.
    """
    given = {t.name: t for t in request.tensors}
    _refuse(_name_problems(request.tensors, contract.inputs))
    n = _rows(request.tensors, max_rows)
    columns: dict[str, Array] = {}
    problems: list[ContractViolation] = []
    for field in contract.inputs:
        tensor = given.get(field.name)
        try:
            columns[field.name] = _missing(field, n) if tensor is None else _column(tensor, field)
        except ContractViolation as error:
            problems.append(error)
    _refuse(problems)
    return columns


def _refuse(problems: Sequence[ContractViolation]) -> None:
    if problems:
        more = len(problems) - SHOWN
        tail = f"; and {more} more" if more > 0 else ""
        breaches = [breach for problem in problems for breach in problem.breaches]
        raise ContractViolation("; ".join(str(problem) for problem in problems[:SHOWN]) + tail, breaches)


def _problem(name: str, reason: str, text: str) -> ContractViolation:
    return ContractViolation(f"input {shown(name)}: {text}", [(name, reason)])


def _name_problems(tensors: Sequence[Tensor], fields: Sequence[Field]) -> list[ContractViolation]:
    names = {f.name: f for f in fields}
    given = [t.name for t in tensors]
    repeated = {name: n for name, n in Counter(given).items() if n > 1}
    problems = [_problem(name, "repeated", f"sent {n} times, allowed: once") for name, n in repeated.items()]
    for name in dict.fromkeys(given):
        if name not in names:
            # Only for those that are told, and may be meant for one: the search is slow.
            close = get_close_matches(name, names, n=1) if len(problems) < SHOWN and len(name) < LONG_NAME else []
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            problems.append(_problem(name, "unknown", f"unknown{hint}; allowed: {', '.join(names)}"))
    known = set(given)
    for field in fields:
        if field.name not in known and not field.nullable:
            text = f"missing; it is required, as {field.datatype} of shape [n]"
            problems.append(_problem(field.name, "missing", text))
    return problems


def _rows(tensors: Sequence[Tensor], max_rows: int) -> int:
    if not tensors:
        raise ContractViolation("no inputs; send one tensor for each input of the model")
    for t in tensors:
        if len(t.shape) not in (1, 2) or (len(t.shape) == 2 and t.shape[1] != 1):
            raise _problem(t.name, "shape", f"shape {shown(list(t.shape))} found, allowed: [n] or [n, 1]")
    lengths = {t.name: t.shape[0] for t in tensors}
    n = next(iter(lengths.values()))
    if odd := {name: m for name, m in lengths.items() if m != n}:
        name, m = next(iter(odd.items()))
        raise _problem(name, "shape", f"{m} rows found, allowed: {n}, as in {tensors[0].name!r}")
    if n < 1:
        raise _problem(tensors[0].name, "shape", f"{n} rows found, allowed: 1 to {max_rows}")
    if n > max_rows:
        raise TooLarge(f"{n} rows found, allowed: 1 to {max_rows}; send them in several requests")
    return n


def _missing(field: Field, n: int) -> Array:
    if field.kind == "category":
        return np.full(n, None, dtype=object)
    if field.kind == "date":
        return np.full(n, "NaT", dtype="datetime64[D]")
    return np.full(n, np.nan)


def _column(tensor: Tensor, field: Field) -> Array:
    allowed = DATATYPES[field.kind]
    if tensor.datatype not in allowed:
        text = f"datatype {shown(tensor.datatype)} found, allowed: {', '.join(allowed)}"
        raise _problem(field.name, "datatype", text)
    data = _flat(tensor)
    if len(data) != tensor.shape[0]:
        raise _problem(field.name, "shape", f"{len(data)} values found, allowed: {tensor.shape[0]}, as its shape says")
    if field.kind in ("int", "float"):
        return _numbers(data, field, whole=field.kind == "int" or tensor.datatype in INTEGERS)
    texts = _texts(data, field)
    return _dates(texts, field) if field.kind == "date" else _categories(texts, field)


def _flat(tensor: Tensor) -> list[Any] | Array:
    if isinstance(tensor.data, np.ndarray):
        return tensor.data
    if len(tensor.shape) == 2 and all(isinstance(row, list) and len(row) == 1 for row in tensor.data):
        return [row[0] for row in tensor.data]
    return tensor.data


def _numbers(data: list[Any] | Array, field: Field, whole: bool) -> Array:
    if isinstance(data, np.ndarray):
        array = data.astype(np.float64)
    else:
        # By exact type: bool is an int to Python, and not a number to the protocol.
        _each_type(data, field, (int, float), "a number" + _or_null(field))
        array = _floats(data)
    missing = np.isnan(array)
    if not field.nullable:
        _values(missing, data, field, f"a number{_domain(field)}")
    if whole:
        if (np.abs(array) >= EXACT).any():
            _values(~missing & _inexact(data), data, field, "a whole number up to 2**53 either way")
        _values(~missing & (array != np.floor(array)), data, field, "a whole number")
    _values(np.isinf(array), data, field, "a finite number")
    with np.errstate(invalid="ignore"):
        outside = np.zeros(len(array), dtype=bool)
        if field.minimum is not None:
            outside |= array < field.minimum
        if field.maximum is not None:
            outside |= array > field.maximum
    _values(outside, data, field, f"a number{_domain(field)}")
    return array


def _inexact(data: list[Any] | Array) -> Array:
    """Say which values are too large to be told from their neighbours as floats; 2**53 + 1 is 2**53 as one."""
    limit = int(EXACT)
    if isinstance(data, np.ndarray):
        return np.asarray((data > limit) | (data < -limit))
    return np.array([v is not None and not -limit <= v <= limit for v in data], dtype=bool)


def _floats(data: list[Any]) -> Array:
    try:
        return np.array(data, dtype=np.float64)  # null is NaN
    except OverflowError:
        return np.array([np.nan if v is None else _float(v) for v in data], dtype=np.float64)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond every float
        return np.inf


def _texts(data: list[Any] | Array, field: Field) -> list[str | None]:
    kind = "an ISO date (yyyy-mm-dd)" if field.kind == "date" else f"text{_domain(field)}"
    texts = [_decoded(v) for v in data] if bytes in set(map(type, data)) else list(data)
    _each_type(texts, field, (str,), kind + _or_null(field))
    # Looked at once for each text, not for each row.
    blank = {v for v in set(texts) if v is not None and (not v or v.isspace())}
    blank_is_missing: list[str | None] = [None if v in blank else v for v in texts] if blank else texts
    if not field.nullable and None in blank_is_missing:
        i = blank_is_missing.index(None)
        raise _violation(field, i, texts[i], kind)
    return blank_is_missing


def _decoded(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value  # refused as bytes, which it says in the error


def _dates(texts: list[str | None], field: Field) -> Array:
    days: dict[str | None, int] = {None: _NO_DAY}
    for text in dict.fromkeys(texts):  # in the order of the rows, so that the first wrong one is told
        try:
            # fromisoformat also takes 20040131 and 2004-W05-6.
            if text is not None and not ISO_DATE.fullmatch(text):
                raise ValueError
            if text is not None:
                days[text] = date.fromisoformat(text).toordinal() - _EPOCH
        except ValueError as error:
            allowed = "an ISO date (yyyy-mm-dd)" + _or_null(field)
            raise _violation(field, texts.index(text), text, allowed) from error
    array = np.array([days[text] for text in texts], dtype=np.int64).view("datetime64[D]")
    if field.earliest is not None:
        _values(array < np.datetime64(field.earliest), texts, field, f"an ISO date{_domain(field)}")
    return array


def _categories(texts: list[str | None], field: Field) -> Array:
    if field.values is None:
        for text in dict.fromkeys(texts):
            if text is not None and len(text) > LONGEST:
                raise _violation(field, texts.index(text), text, f"text of up to {LONGEST} characters")
    else:
        known = {*field.values, None}
        if not known.issuperset(texts):
            i = next(i for i, text in enumerate(texts) if text not in known)
            raise _violation(field, i, texts[i], f"text{_domain(field)}{_or_null(field)}")
    return np.array(texts, dtype=object)


def _each_type(values: Sequence[Any], field: Field, types: tuple[type, ...], allowed: str) -> None:
    known = {*types, type(None)}
    if not known.issuperset(map(type, values)):
        i = next(i for i, v in enumerate(values) if type(v) not in known)
        raise _violation(field, i, values[i], allowed)


def _values(wrong: Array, data: Sequence[Any] | Array, field: Field, allowed: str) -> None:
    if wrong.any():
        i = int(np.argmax(wrong))
        raise _violation(field, i, data[i], allowed)


def _violation(field: Field, row: int, value: object, allowed: str) -> ContractViolation:
    text = f"input {field.name!r}, row {row}: found {shown(value)}, allowed: {allowed}"
    return ContractViolation(text, [(field.name, _reason(field, value))])


def _reason(field: Field, value: object) -> str:
    """Say in a word what is wrong with a value: it is none, not of the field's type, or not in its domain."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)) or _blank(value):
        return "null"
    numeric = field.kind in ("int", "float")
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return "domain" if (number if numeric else isinstance(value, str)) else "type"


def _blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _domain(field: Field) -> str:
    if field.values is not None:
        return f" out of {', '.join(field.values)}"
    if field.earliest is not None:
        return f" from {field.earliest} on"
    if field.minimum is not None and field.maximum is not None:
        return f" from {field.minimum:g} to {field.maximum:g}"
    if field.minimum is not None:
        return f" of at least {field.minimum:g}"
    if field.maximum is not None:
        return f" of at most {field.maximum:g}"
    return ""


def _or_null(field: Field) -> str:
    return ", or null" if field.nullable else ""
