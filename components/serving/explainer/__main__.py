"""``python -m components.serving.explainer``: anchors and counterfactuals of what a predictor answers."""

import argparse
import sys
from collections.abc import Sequence

from components.core.config import read_settings
from components.core.errors import FairleadError

MOUNTED = "/mnt/models"
"""Where KServe puts what a container's STORAGE_URI names."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; the options that KServe hands to an explainer are written as KServe writes them."""
    parser = argparse.ArgumentParser(
        prog="python -m components.serving.explainer",
        description="Explain what a predictor answers, by anchors and counterfactuals.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--predictor_host", "--predictor-host", required=True, metavar="HOST[:PORT]")
    parser.add_argument("--model_name", "--model-name", default="", help="(empty: the contract's)")
    parser.add_argument("--http_port", "--http-port", type=int, default=8080)
    parser.add_argument(
        "--bundle", "--storage_uri", "--storage-uri", default=MOUNTED, metavar="URI", help="directory or gs://…"
    )
    parser.add_argument(
        "--use_case", "--use-case", default="", help="name or YAML file; says which inputs may be acted on"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 in a container")
    parser.add_argument("--max_rows", "--max-rows", type=int, default=10, help="most rows of one request")
    parser.add_argument("--seconds", type=float, default=30.0, help="longest that one request may take")
    parser.add_argument("--workers", type=int, default=1, help="taken because KServe may hand it over; always one")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain until stopped; returns the exit status."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    # Imported after the command line was read: it takes a second.
    import uvicorn

    from components.serving.explainer.app import App, Budget
    from components.serving.explainer.predictor import Predictor
    from components.serving.explainer.readiness import Readiness, Sources

    try:
        Predictor(options.predictor_host, "")  # a host that is none will never become one
        sources = Sources(options.bundle, options.model_name, options.predictor_host, options.use_case)
        readiness = Readiness(sources, read_settings())
    except FairleadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    app = App(readiness, Budget(max_rows=options.max_rows, seconds=options.seconds)).application()
    uvicorn.run(
        app, host=options.host, port=options.http_port, access_log=False, server_header=False, proxy_headers=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
