"""CloudEvents at the doors: an inference request that comes as an event is answered by an event, through KServe's own
converters."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane

from components.core.errors import ContractViolation
from components.core.shown import shown
from components.serving import v2
from components.serving.v2 import kind_of

STRUCTURED = "application/cloudevents"
"""Content type of an event that is one JSON object, less its ending."""

ATTRIBUTES = ("specversion", "id", "source", "type")
"""What makes an event, in ``ce-…`` headers or in the object; KServe asks for ``time`` too in the object."""

VERSION = "1.0"
"""The one version of the specification that is known here."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def is_event(headers: Mapping[str, str]) -> bool:
    """Say whether a request is an event, in binary or in structured form."""
    return "ce-specversion" in headers or headers.get("content-type", "").lower().startswith(STRUCTURED)


class Event:
    """One event.

    Args:
        dataplane: KServe's, for its converters.
        headers: of the request, by lower-case name.
        body: of the request.

    Raises:
        ContractViolation: it is no event, or does not carry a JSON object.
    """

    def __init__(self, dataplane: DataPlane, headers: Mapping[str, str], body: bytes) -> None:
        self._dataplane = dataplane
        self._headers = dict(headers)
        # The converters see attributes alone: what is in the data, and how deep, is for our own codec to say.
        if "ce-specversion" in headers:
            _require(headers, [f"ce-{name}" for name in ATTRIBUTES], "header")
            _check({name: headers[f"ce-{name}"] for name in (*ATTRIBUTES, "time") if f"ce-{name}" in headers})
            envelope, self.content = b"{}", _binary(body)
        else:
            envelope, self.content = _structured(headers["content-type"], body)
            self._headers["content-type"] = f"{STRUCTURED}+json"
        try:
            _, self._attributes = dataplane.decode(envelope, self._headers)
        except InvalidInput as error:
            raise ContractViolation("CloudEvent: its attributes cannot be read; see CloudEvents 1.0") from error

    content: bytes
    """The request within, as JSON."""

    def answer(self, model: str, content: bytes) -> tuple[bytes, dict[str, str]]:
        """Put an answer into an event of the same form; returns body and headers."""
        # KServe takes both out, when told to merge, whether they are there or not.
        attributes: dict[str, Any] = {"id": "", "time": "", **self._attributes}
        body, headers = self._dataplane.encode(model, orjson.loads(content), self._headers, attributes)
        return body, {str(name): str(value) for name, value in headers.items()}


def _binary(body: bytes) -> bytes:
    try:
        v2.parse(body)
    except ContractViolation as error:
        raise ContractViolation(f"CloudEvent: its data is no JSON object: {error}") from error
    return body


def _structured(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """Take an event in one object apart: the event without its data, and the data."""
    if kind.split(";")[0].strip().lower() != f"{STRUCTURED}+json":
        raise ContractViolation(f"content-type {shown(kind)} found, allowed: {STRUCTURED}+json, one event")
    event = _object(body)
    _require(event, [*ATTRIBUTES, "time", "data"], "attribute")
    data = event.pop("data")
    _check(event)
    if not isinstance(data, dict):
        raise ContractViolation("CloudEvent: its data is no JSON object; allowed: an inference request")
    try:
        return orjson.dumps({**event, "data": {}}), orjson.dumps(data)
    except orjson.JSONEncodeError as error:
        raise ContractViolation("CloudEvent: its data is nested too deep; allowed: an inference request") from error


def _check(attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if name in ATTRIBUTES and not (isinstance(value, str) and value):
            raise ContractViolation(f"CloudEvent: {name} {shown(value)} found, allowed: text")
        if not isinstance(value, str | int):  # a truth value is an int to Python
            raise ContractViolation(f"CloudEvent: {shown(name)} is {kind_of(value)}, allowed: text or a whole number")
    if attributes["specversion"] != VERSION:
        raise ContractViolation(f"CloudEvent: specversion {shown(attributes['specversion'])} found, allowed: {VERSION}")
    when = attributes.get("time", "1970-01-01T00:00:00Z")
    if not (isinstance(when, str) and _TIME.fullmatch(when) and _is_time(when)):
        raise ContractViolation(f"CloudEvent: time {shown(when)} found, allowed: as in 2026-01-31T12:00:00Z")


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _require(found: Mapping[str, Any], names: list[str], what: str) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise ContractViolation(f"CloudEvent: {what} {', '.join(missing)} missing; it needs {', '.join(names)}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ContractViolation(f"CloudEvent: the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ContractViolation("CloudEvent: the body is no JSON object")
    return content
