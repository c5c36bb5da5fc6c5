"""The gRPC door: KServe's V2 service on a host of our choice, with our own decoding and errors."""

import logging
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import grpc
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from components.core.errors import ContractViolation, FairleadError
from components.core.shown import shown
from components.serving.exchange import (
    KEPT_AS,
    REMEDIES,
    REQUEST_ID,
    Answer,
    Late,
    NotOffered,
    NotReady,
    Overloaded,
    Quarantined,
    Rejected,
    Request,
    Tensor,
    TooLarge,
    Unavailable,
    UnknownModel,
    Wanted,
    Withheld,
    checked_id,
    for_log,
)
from components.serving.limits import TIMEOUT, Limits
from components.serving.model import BundleModel
from components.serving.v2 import DTYPES, raw_values

logger = logging.getLogger("kserve.fairlead")

ROUTE = "grpc ModelInfer"
"""Under which calls are counted, with gRPC's own status numbers."""

CONTENTS = {
    "FP64": "fp64_contents",
    "FP32": "fp32_contents",
    "INT64": "int64_contents",
    **dict.fromkeys(("INT32", "INT16", "INT8"), "int_contents"),
    "UINT64": "uint64_contents",
    **dict.fromkeys(("UINT32", "UINT16", "UINT8"), "uint_contents"),
    "BYTES": "bytes_contents",
}
"""Field of the message in which values of a datatype lie."""


def decode(message: Any) -> Request:
    """Read a ``ModelInferRequest``.

    Raises:
        ContractViolation: raw contents do not go with the inputs, or values lie in the field of another datatype.
    """
    raw = list(message.raw_input_contents)
    if raw and len(raw) != len(message.inputs):
        raise ContractViolation(
            f"{len(raw)} raw_input_contents found, allowed: {len(message.inputs)}, one for each input"
        )
    tensors = tuple(_tensor(item, raw[i] if raw else None) for i, item in enumerate(message.inputs))
    wanted = tuple(Wanted(o.name, bool(raw)) for o in message.outputs) or None
    return Request(tensors, checked_id(message.id) or None, wanted, bool(raw))


def encode(answer: Answer) -> Any:
    """Write a ``ModelInferResponse``; raw when the request was."""
    message = pb.ModelInferResponse(model_name=answer.model, model_version=answer.version, id=answer.id)
    if answer.remedies:
        message.parameters[REMEDIES].string_param = answer.remedies
    for result in answer.outputs:
        tensor = message.outputs.add(name=result.name, datatype=result.datatype, shape=[len(result.values)])
        if result.binary:
            message.raw_output_contents.append(result.values.astype(DTYPES[result.datatype]).tobytes())
        else:
            getattr(tensor.contents, CONTENTS[result.datatype]).extend(result.values.tolist())
    return message


class Servicer(InferenceServicer):  # type: ignore[misc]
    """KServe's service; no model can be loaded or unloaded from outside."""

    def __init__(
        self, dataplane: DataPlane, repository: ModelRepositoryExtension, model: BundleModel, limits: Limits
    ) -> None:
        super().__init__(dataplane, repository)
        self._model = model
        self._limits = limits

    async def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002  the protocol's name
        """Say whether there is a model."""
        return pb.ServerReadyResponse(ready=bool(self._model.ready) and not self._model.stopping)

    async def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say whether a model is there."""
        try:
            self._model.require(request.name, request.version)
            self._model.require_ready()
        except NotReady:
            return pb.ModelReadyResponse(ready=False)
        except FairleadError as error:
            await context.abort(*status_of(error))
        return pb.ModelReadyResponse(ready=True)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Describe a model."""
        try:
            self._model.require(request.name, request.version)
        except FairleadError as error:
            await context.abort(*status_of(error))
        return pb.ModelMetadataResponse(
            name=self._model.name,
            versions=[self._model.version],
            platform="onnx_onnxv1",
            inputs=self._model.get_input_types(),
            outputs=self._model.get_output_types(),
        )

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Score rows."""
        arrived = time.perf_counter()
        headers = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
        watch = self._model.watch
        trace = watch.begin(ROUTE, headers.get("traceparent"), headers.get("tracestate"))
        code, text, message, rows = grpc.StatusCode.OK, "", None, 0
        told = [(k.decode(), v.decode()) for k, v in self._model.stamps]
        try:
            answer = await self._answer(request, headers, arrived, context.time_remaining())
            message, rows = encode(answer), answer.rows
        except FairleadError as error:
            logger.info("gRPC ModelInfer: %s", for_log(error))
            watch.refused(error)
            code, text = status_of(error)
            if isinstance(error, Withheld):
                told.append((KEPT_AS, error.group))
        except Exception:
            logger.exception("gRPC ModelInfer failed")
            code, text = grpc.StatusCode.INTERNAL, "the server failed on this request; its log says why"
        watch.answered(ROUTE, code.value[0], time.perf_counter() - arrived, rows)
        trace.end(HTTPStatus.OK if message is not None else HTTPStatus.INTERNAL_SERVER_ERROR, rows)
        context.set_trailing_metadata(told)
        if message is None:
            await context.abort(code, text)
        return message

    async def _answer(self, request: Any, headers: dict[str, str], arrived: float, remaining: float | None) -> Answer:
        self._model.require(request.model_name, request.model_version)
        with self._limits.one_more():
            own = self._limits.seconds(headers.get(TIMEOUT))
            seconds = min((s for s in (own, remaining) if s is not None), default=None)
            decoded = decode(request)
            decoded = replace(decoded, id=decoded.id or checked_id(headers.get(REQUEST_ID), f"metadata {REQUEST_ID}"))
            return await self._model.scoring.answer(decoded, headers, arrived, seconds)

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Refuse: what is served is decided by who starts the server."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "models are not loaded over the network here")

    async def RepositoryModelUnload(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Refuse, as above."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "models are not unloaded over the network here")


async def start(servicer: Servicer, host: str, port: int, max_body: int) -> grpc.aio.Server:
    """Start to listen; the caller stops the server.

    Raises:
        FairleadError: the port is taken.
    """
    limits = [("grpc.max_receive_message_length", max_body), ("grpc.max_send_message_length", max_body)]
    server = grpc.aio.server(options=[*limits, ("grpc.so_reuseport", 0)])
    add_GRPCInferenceServiceServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise FairleadError(f"cannot listen for gRPC on {host}:{port}: {error}; choose another --grpc-port") from error
    await server.start()
    return server


def _tensor(item: Any, raw: bytes | None) -> Tensor:
    shape = tuple(item.shape)
    if any(d < 0 for d in shape):
        raise ContractViolation(
            f"input {item.name[:60]!r}: shape {str(list(shape))[:60]} found, allowed: whole numbers from 0 on"
        )
    filled = [field.name for field, _ in item.contents.ListFields()]
    if raw is not None:
        if filled:
            raise ContractViolation(
                f"input {shown(item.name)}: both contents and raw_input_contents found, allowed: one"
            )
        return Tensor(item.name, item.datatype, shape, raw_values(item.name, item.datatype, raw))
    expected = CONTENTS.get(item.datatype)
    if expected is not None and filled not in ([], [expected]):
        raise ContractViolation(
            f"input {shown(item.name)}: values found in {', '.join(filled)}, allowed for {item.datatype}: {expected}"
        )
    return Tensor(item.name, item.datatype, shape, list(getattr(item.contents, expected)) if expected else [])


def status_of(error: FairleadError) -> tuple[grpc.StatusCode, str]:
    """Return the gRPC status, with its text, that tells a client whose fault an error is."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code, str(error)
    return grpc.StatusCode.INTERNAL, str(error)


# The first that fits; a class stands in front of its base.
_CODES: dict[type[FairleadError], grpc.StatusCode] = {
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ContractViolation: grpc.StatusCode.INVALID_ARGUMENT,
    Rejected: grpc.StatusCode.INVALID_ARGUMENT,
    Quarantined: grpc.StatusCode.FAILED_PRECONDITION,
    UnknownModel: grpc.StatusCode.NOT_FOUND,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    Overloaded: grpc.StatusCode.UNAVAILABLE,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    Late: grpc.StatusCode.DEADLINE_EXCEEDED,
    NotOffered: grpc.StatusCode.UNIMPLEMENTED,
}
