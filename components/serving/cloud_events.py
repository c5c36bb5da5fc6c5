"""CloudEvents at the doors: an inference request that comes as an event is answered by an event, through KServe's own
converters."""

from collections.abc import Mapping
from typing import Any

import orjson
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane

from components.core.errors import ContractViolation

STRUCTURED = "application/cloudevents"
"""Content type of an event that is one JSON object, less its ending."""

ATTRIBUTES = ("specversion", "id", "source", "type")
"""What makes an event, in ``ce-…`` headers or in the object; KServe asks for ``time`` too in the object."""


def is_event(headers: Mapping[str, str]) -> bool:
    """Say whether a request is an event, in binary or in structured form."""
    return "ce-specversion" in headers or headers.get("content-type", "").startswith(STRUCTURED)


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
        if "ce-specversion" in headers:
            _require(headers, [f"ce-{name}" for name in ATTRIBUTES], "header")
        else:
            if headers["content-type"].split(";")[0].strip() != f"{STRUCTURED}+json":
                raise ContractViolation(
                    f"content-type {headers['content-type'][:60]!r} found, allowed: {STRUCTURED}+json, one event"
                )
            self._headers["content-type"] = f"{STRUCTURED}+json"
            _require(_object(body), [*ATTRIBUTES, "time", "data"], "attribute")
        try:
            content, self._attributes = dataplane.decode(body, self._headers)
        except InvalidInput as error:
            raise ContractViolation(f"CloudEvent: {error}") from error
        if not isinstance(content, dict):
            raise ContractViolation("CloudEvent: its data is no JSON object; allowed: an inference request")
        self.content = orjson.dumps(content)
        """The request within, as JSON."""

    def answer(self, model: str, content: bytes) -> tuple[bytes, dict[str, str]]:
        """Put an answer into an event of the same form; returns body and headers."""
        # KServe takes both out, when told to merge, whether they are there or not.
        attributes: dict[str, Any] = {"id": "", "time": "", **self._attributes}
        body, headers = self._dataplane.encode(model, orjson.loads(content), self._headers, attributes)
        return body, {str(name): str(value) for name, value in headers.items()}


def _require(found: Mapping[str, Any], names: list[str], what: str) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise ContractViolation(f"CloudEvent: {what} {', '.join(missing)} missing; it needs {', '.join(names)}")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ContractViolation(f"CloudEvent: the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ContractViolation("CloudEvent: the body is no JSON object")
    return content
