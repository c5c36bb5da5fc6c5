"""``python -m components.serving``: serve one bundle over V1 and V2 REST and, when asked, gRPC."""

import argparse
import sys
from collections.abc import Sequence

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
    parser.add_argument("--name", default="", help="name to serve under (empty: the contract's)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 in a container")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, default=0, help="0: no gRPC")
    parser.add_argument("--max-rows", type=int, default=10_000, help="most rows of one request")
    parser.add_argument("--max-body", type=int, default=16 * 1024 * 1024, help="most bytes of one request")
    parser.add_argument(
        "--exit-on-refusal",
        action="store_true",
        help="end with status 4 when the bundle is refused, instead of staying up",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; returns the exit status."""
    options = vars(parse(sys.argv[1:] if arguments is None else arguments))
    # Imported after the command line was read: it takes seconds. KServe reads the command line on import too, and
    # would act on what it takes for its own.
    sys.argv = sys.argv[:1]
    from components.serving.server import Options, Server

    try:
        return Server(Options(**options), read_settings()).run()
    except FairleadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
