"""``python -m components.serving.fetch``: bring a bundle into a folder that is there already, before its server starts.

It is what KServe's init container runs (kserve/runtime/storage-container.yaml): KServe hands over URI and folder.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.core.artifacts import files_below
from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.registry.store import fetch
from components.training import signing
from components.training.integrity import CHECKSUMS, SIGNATURE, file_differences, refuse

REFUSED = 4
"""Exit status when there is no bundle or it is refused: the one that a server with ``--exit-on-refusal`` ends with."""

_SCRATCH = ".fetch-"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.serving.fetch",
        description="Fetch a bundle, verify its checksums and signature, and put its files into a folder. "
        "Settings come from FAIRLEAD_… variables.",
    )
    parser.add_argument(
        "source", metavar="SOURCE", help="directory, gs://…, s3://…, models:/NAME/VERSION or models:/NAME@ALIAS"
    )
    parser.add_argument("target", metavar="TARGET", type=Path, help="folder that is there already, such as a volume")
    return parser.parse_args(arguments)


def bring(source: str, target: Path, settings: Settings) -> None:
    """Put a bundle's files into a folder, after they were verified; a bundle that was there makes room.

    A process killed in the middle leaves no ``checksums.json``, and so nothing that a server would take; the next one
    starts anew.

    Args:
        source: where the bundle is, see ``components.registry.store.fetch``.
        target: a folder; what does not belong to a bundle may not be in it.
        settings: where the registry and the verify key are.

    Raises:
        FairleadError: nothing is at ``source``, or ``target`` is no folder.
        IntegrityError: the bundle is not what it says it is, or something else is in ``target``.
    """
    if not target.is_dir():
        raise FairleadError(f"{target} is no folder; give one that is there already, such as the mount of a volume")
    for left_over in target.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left_over)
    # In the folder itself: a volume may be the one place with room, and a rename in it is whole or not at all.
    with tempfile.TemporaryDirectory(dir=target, prefix=_SCRATCH) as scratch:
        found = fetch(source, Path(scratch), settings)
        signing.verify(found, settings.verify_key)
        if not found.is_relative_to(scratch):
            found = Path(shutil.copytree(found, Path(scratch) / "copy"))
        _make_room(target)
        for path in sorted(files_below(found), key=lambda p: p.name == CHECKSUMS):
            path.replace(target / path.name)
    refuse(target, file_differences(target))


def _make_room(target: Path) -> None:
    """Remove the bundle that an earlier run left: a container that is restarted finds its volume as it was."""
    checksums = target / CHECKSUMS
    if not checksums.is_file():
        return
    names = json.loads(checksums.read_text(encoding="utf-8"))
    checksums.unlink()
    for path in target.iterdir():
        if path.is_file() and (path.name in names or path.name == SIGNATURE):
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch; returns the exit status."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        bring(options.source, options.target, read_settings())
    except FairleadError as error:
        # The last lines of an init container are what KServe shows as the reason of a failure.
        print(f"NOT FETCHED: {error}", file=sys.stderr, flush=True)
        return REFUSED
    print(f"fetched {options.source} into {options.target}; checksums and signature are right", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
