"""``python -m components.serving``: serve one bundle over V1 and V2 REST and, when asked, gRPC."""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from components.core.config import read_settings
from components.core.errors import FairleadError


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.serving",
        description="Serve a bundle over the V1 and V2 protocols. Settings come from FAIRLEAD_… variables.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--bundle",
        required=True,
        metavar="URI",
        help="directory, gs://…, s3://…, models:/NAME/VERSION or models:/NAME@ALIAS",
    )
    parser.add_argument(
        "--origin",
        default="",
        metavar="URI",
        help="where something else has fetched the bundle from: its number is the version that is told",
    )
    parser.add_argument("--name", default="", help="name to serve under (empty: the contract's)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 in a container")
    parser.add_argument("--http-port", type=_port, default=8080)
    parser.add_argument("--grpc-port", type=_port, default=0, help="0: no gRPC")
    parser.add_argument(
        "--exit-on-refusal",
        action="store_true",
        help="end with status 4 when the bundle is refused, instead of staying up",
    )
    parser.add_argument("--access-log", action="store_true", help="write a line for each request")
    _add_limits(parser.add_argument_group("limits"))
    _add_around(parser.add_argument_group("around the model"))
    _add_lookup(parser.add_argument_group("online features"))
    return parser.parse_args(arguments)


def _add_limits(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--max-rows", type=_count, default=10_000, help="most rows of one request")
    group.add_argument("--max-body", type=_count, default=16 * 1024 * 1024, help="most bytes of one request")
    group.add_argument("--max-in-flight", type=_count, default=1_000, help="most requests at once, 0: no limit")
    group.add_argument(
        "--deadline-ms",
        type=_count,
        default=10_000,
        help="longest that one request may take, 0: no limit; x-envoy-expected-rq-timeout-ms may ask for less",
    )
    group.add_argument(
        "--drain-seconds",
        type=float,
        default=0.0,
        help="how long to take requests still after a signal to stop, while saying not ready",
    )


def _add_around(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--variant", type=_word, default="stable", help="which side of a rollout this server is on")
    group.add_argument("--hooks", default="", metavar="MODULE:CLASS", help="steps of your own around the model")
    group.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="URI",
        help="log predictions to sqlite:///…, parquet:///…, kafka://… or cloudevents+http://…; may be repeated",
    )
    group.add_argument(
        "--log-rate", action="append", default=[], metavar="VARIANT=RATE", help="share of the requests that is logged"
    )
    group.add_argument("--log-mask", default="", metavar="FILE", help="what becomes of personal fields in the log")
    group.add_argument(
        "--remedies", default="", metavar="FILE", help="rules on odd rows in the place of the bundle's; none: no rules"
    )
    group.add_argument(
        "--quarantine",
        default="",
        metavar="FILE",
        help="where rows are kept that a rule keeps back (empty: quarantine.db beside the prediction log)",
    )
    group.add_argument("--traces", default="", metavar="URL", help="OpenTelemetry collector over HTTP")
    group.add_argument("--trace-ratio", type=float, default=0.01, help="share of the requests that is traced")


def _add_lookup(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--features", default="", metavar="STORE", help="look up histories that a request leaves out")
    group.add_argument("--features-policy", choices=["flag", "refuse"], default="flag", help="what to do when stale")
    group.add_argument("--features-max-age-days", type=float, default=61.0, help="older is stale")
    group.add_argument("--features-timeout-ms", type=float, default=100.0, help="longest that a lookup may take")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed: 0 to {2**16 - 1}")
    return int(text)


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", text):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed: letters, digits, dot, dash and underline")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed: a whole number from 0 on")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; returns the exit status."""
    options = vars(parse(sys.argv[1:] if arguments is None else arguments))
    # Imported after the command line was read: it takes seconds. KServe reads the command line on import too, and
    # would act on what it takes for its own.
    sys.argv = sys.argv[:1]
    from components.serving.equip import Around
    from components.serving.server import Options, Server

    names = {field.name for field in fields(Around)}
    around: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items() if k in names}
    rest = {name: value for name, value in options.items() if name not in names}
    try:
        return Server(Options(**rest, around=Around(**around)), read_settings()).run()
    except FairleadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
