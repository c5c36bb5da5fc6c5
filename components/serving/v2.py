"""The V2 (Open Inference) protocol over REST: bytes ↔ requests and answers, with the binary tensor extension."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from components.core.errors import ContractViolation
from components.core.shown import shown
from components.serving.exchange import REMEDIES, Answer, Request, Tensor, Wanted, checked_id

HEADER_LENGTH = "inference-header-content-length"
"""HTTP header with the length of the JSON part of a binary body."""

DTYPES = {
    "FP64": "<f8",
    "FP32": "<f4",
    "INT64": "<i8",
    "INT32": "<i4",
    "INT16": "<i2",
    "INT8": "<i1",
    "UINT64": "<u8",
    "UINT32": "<u4",
    "UINT16": "<u2",
    "UINT8": "<u1",
}
"""Layout of the numbers in binary tensors."""


def decode(body: bytes, header_length: str | None = None) -> Request:
    """Read a V2 request.

    Args:
        body: JSON, or JSON followed by raw tensors.
        header_length: value of the ``HEADER_LENGTH`` header, when there is one.

    Raises:
        ContractViolation: it is no V2 request; whether it fits a model is for the door to say.
    """
    length = len(body) if header_length is None else _length(header_length, len(body))
    return request_of(parse(body[:length]), body[length:])


def request_of(content: dict[str, Any], tail: bytes = b"") -> Request:
    """Read a V2 request whose JSON part was parsed already.

    Args:
        content: the JSON part.
        tail: raw tensors that follow it.

    Raises:
        ContractViolation: it is no V2 request.
    """
    raw = _Raw(tail)
    inputs = content.get("inputs")
    if not isinstance(inputs, list):
        raise ContractViolation(f"'inputs': found {kind_of(inputs)}, allowed: a list of tensors")
    tensors = tuple(_tensor(item, i, raw) for i, item in enumerate(inputs))
    raw.finish()
    request_id = content.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise ContractViolation(f"'id': found {kind_of(request_id)}, allowed: text")
    checked_id(request_id)
    binary = _parameters(content, "the request").get("binary_data_output") is True
    return Request(tensors, request_id, _wanted(content.get("outputs"), binary), binary)


def encode(answer: Answer) -> tuple[bytes, int | None]:
    """Write a V2 answer; returns the body and, when some output is raw, the length of its JSON part."""
    outputs: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for result in answer.outputs:
        head = {"name": result.name, "shape": [len(result.values)], "datatype": result.datatype}
        if result.binary:
            raw.append(result.values.astype(DTYPES[result.datatype]).tobytes())
            outputs.append({**head, "parameters": {"binary_data_size": len(raw[-1])}})
        else:
            outputs.append({**head, "data": result.values.tolist()})
    whole: dict[str, Any] = {
        "model_name": answer.model,
        "model_version": answer.version,
        "id": answer.id,
        "outputs": outputs,
    }
    if answer.remedies:
        whole["parameters"] = {REMEDIES: answer.remedies}
    body = orjson.dumps(whole)
    return (b"".join([body, *raw]), len(body)) if raw else (body, None)


def raw_values(name: str, datatype: str, data: bytes) -> npt.NDArray[Any]:
    """Read the raw bytes of a tensor, little-endian; BYTES are elements with a four-byte length before each.

    Raises:
        ContractViolation: the bytes do not divide into elements, or the datatype is unknown.
    """
    if datatype == "BYTES":
        return _raw_texts(name, data)
    if datatype not in DTYPES:
        raise ContractViolation(
            f"input {shown(name)}: datatype {shown(datatype)} found, allowed: {', '.join([*DTYPES, 'BYTES'])}"
        )
    dtype = np.dtype(DTYPES[datatype])
    if len(data) % dtype.itemsize:
        raise ContractViolation(
            f"input {shown(name)}: {len(data)} raw bytes found, allowed: a multiple of {dtype.itemsize} for {datatype}"
        )
    return np.frombuffer(data, dtype=dtype)


def parse(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ContractViolation: it is none.
    """
    if not body.strip():
        raise ContractViolation("the body is empty; allowed: a JSON object")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ContractViolation(
            f"the body is not JSON: {error} (NaN and Infinity are not JSON either; a value that may be missing is null)"
        ) from error
    if not isinstance(content, dict):
        raise ContractViolation(f"the body: found {kind_of(content)}, allowed: a JSON object")
    return content


class _Raw:
    """The raw tensors behind the JSON part, taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, name: str, size: object) -> bytes:
        left = len(self._data) - self._at
        if type(size) is not int or not 0 <= size <= left:
            raise ContractViolation(
                f"input {shown(name)}: binary_data_size {shown(size)} found, allowed: 0 to {left} bytes left"
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def finish(self) -> None:
        if left := len(self._data) - self._at:
            raise ContractViolation(f"{left} raw bytes that belong to no input; their sizes must add up to the body")


def _tensor(item: Any, i: int, raw: _Raw) -> Tensor:
    if not isinstance(item, dict):
        raise ContractViolation(f"'inputs[{i}]': found {kind_of(item)}, allowed: an object")
    name = _text(item, "name", f"'inputs[{i}]'")
    datatype = _text(item, "datatype", f"input {shown(name)}")
    shape = item.get("shape")
    if not isinstance(shape, list) or not all(type(d) is int and d >= 0 for d in shape):
        raise ContractViolation(f"input {shown(name)}: shape {shown(shape)} found, allowed: a list of whole numbers")
    parameters = _parameters(item, f"input {shown(name)}")
    data = item.get("data")
    if "binary_data_size" in parameters:
        if data is not None:
            raise ContractViolation(f"input {shown(name)}: both data and binary_data_size found, allowed: one of them")
        return Tensor(
            name, datatype, tuple(shape), raw_values(name, datatype, raw.take(name, parameters["binary_data_size"]))
        )
    if not isinstance(data, list):
        raise ContractViolation(f"input {shown(name)}: data is {kind_of(data)}, allowed: a list of values")
    return Tensor(name, datatype, tuple(shape), data)


def _wanted(outputs: Any, binary: bool) -> tuple[Wanted, ...] | None:
    if outputs is None:
        return None
    if not isinstance(outputs, list) or not all(isinstance(o, dict) for o in outputs):
        raise ContractViolation(f"'outputs': found {kind_of(outputs)}, allowed: a list of objects with a name")
    wanted = []
    for i, output in enumerate(outputs):
        name = _text(output, "name", f"'outputs[{i}]'")
        wanted.append(Wanted(name, _parameters(output, f"output {shown(name)}").get("binary_data", binary) is True))
    return tuple(wanted) or None


def _raw_texts(name: str, data: bytes) -> npt.NDArray[Any]:
    texts: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 4
        size = struct.unpack_from("<I", data, at)[0] if end <= len(data) else len(data)
        if end + size > len(data):
            raise ContractViolation(f"input {shown(name)}: raw bytes end in the middle of element {len(texts)}")
        texts.append(data[end : end + size])
        at = end + size
    # Filled one by one: numpy would make a fixed-width array of the list and lose trailing zeros.
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _length(header: str, total: int) -> int:
    # By its length first: Python refuses to read very many digits.
    if not (header.isascii() and header.isdigit() and len(header) < 20) or int(header) > total:
        raise ContractViolation(
            f"header {HEADER_LENGTH}: found {header[:20]!r}, allowed: 0 to {total}, the body's length"
        )
    return int(header)


def _text(item: dict[str, Any], key: str, where: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise ContractViolation(f"{where}: {key} is {kind_of(value)}, allowed: text")
    return value


def _parameters(item: dict[str, Any], where: str) -> dict[str, Any]:
    parameters = item.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ContractViolation(f"{where}: parameters is {kind_of(parameters)}, allowed: an object")
    return parameters


def kind_of(value: object) -> str:
    """Name a JSON value's kind: what was found, without repeating a megabyte of it."""
    if value is None:
        return "nothing"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
