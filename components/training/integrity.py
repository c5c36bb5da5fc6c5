"""Integrity of a bundle: what differs between what it says it is and what it is, in words."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from components.core.artifacts import hash_file
from components.core.contracts import Contract
from components.core.errors import FairleadError, IntegrityError
from components.features.transform import Catalogue, Transform
from components.training.calibration import Calibration
from components.training.fingerprints import digest, feature_states, scoring_code

CHECKSUMS = "checksums.json"
SIGNATURE = "model.sig"
REQUIRED = (
    "background.json",
    "calibration.json",
    "contract.json",
    "examples.json",
    "fingerprints.json",
    "model.onnx",
    "reference.json",
    "transform.json",
)
"""Files without which a directory is no bundle."""

T = TypeVar("T")


def checksums(bundle: Path) -> dict[str, str]:
    """Return the sha256 of every file of a bundle by name, but for the checksums and the signature."""
    names = sorted(p.name for p in bundle.iterdir())
    return {name: hash_file(bundle / name) for name in names if name not in {CHECKSUMS, SIGNATURE}}


def refuse(bundle: Path, wrong: Sequence[str]) -> None:
    """Raise when there are differences.

    Raises:
        IntegrityError: one line for each.
    """
    if wrong:
        lines = "".join(f"\n  - {line}" for line in wrong)
        raise IntegrityError(f"bundle {bundle} is refused:{lines}\nFetch it again, or train and register a new one.")


def file_differences(bundle: Path) -> list[str]:
    """Compare the files with ``checksums.json``: missing, unexpected, changed, or not plain files.

    Raises:
        IntegrityError: there is no such directory or list, or a file is missing without which nothing can be said.
    """
    if not bundle.is_dir():
        raise IntegrityError(f"no bundle at {bundle}: there is no such directory")
    expected = _json_object(bundle, CHECKSUMS)
    odd = sorted(p.name for p in bundle.iterdir() if p.is_symlink() or not p.is_file())
    refuse(bundle, [f"{name}: is a link or a folder; a bundle has plain files only" for name in odd])
    found = checksums(bundle)
    wrong = [f"{name}: missing" for name in sorted((expected.keys() | set(REQUIRED)) - found.keys())]
    refuse(bundle, wrong)
    wrong += [f"{name}: not in {CHECKSUMS}" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        if found[name] != expected[name]:
            wrong.append(f"{name}: expected sha256 {_short(expected[name])}, found {_short(found[name])}")
    return wrong


def read_contract(bundle: Path, wrong: Sequence[str]) -> Contract:
    """Read the contract.

    Args:
        bundle: its directory.
        wrong: differences found so far, told along with a contract that cannot be read.

    Raises:
        IntegrityError: not JSON, another ``schema_version``, or a field is wrong.
    """
    version = _json_object(bundle, "contract.json", wrong).get("schema_version")
    known = Contract.model_fields["schema_version"].default
    if version != known:
        text = f"contract.json: schema_version {version!r} is not known here; allowed: {known}"
        refuse(bundle, [*wrong, text])
    return _read(bundle, "contract.json", wrong, Contract.read)


def read_transform(bundle: Path, functions: Catalogue, wrong: Sequence[str]) -> Transform:
    """Read the fitted transform; raises IntegrityError when it cannot be read or names an unknown feature."""
    return _read(
        bundle,
        "transform.json",
        wrong,
        lambda path: Transform.from_json(path.read_text(encoding="utf-8"), functions),
    )


def read_calibration(bundle: Path, wrong: Sequence[str]) -> Calibration:
    """Read the calibration; raises IntegrityError when it cannot be read."""
    return _read(bundle, "calibration.json", wrong, Calibration.read)


def transform_differences(bundle: Path, contract: Contract, transform: Transform) -> list[str]:
    """Compare the transform with the fingerprint in the contract, feature by feature."""
    wrong = []
    if transform.names != contract.features:
        wrong.append(f"transform: features are {list(transform.names)}, the contract has {list(contract.features)}")
    if transform.fingerprint() != contract.transform_fingerprint:
        wrong.append(
            f"transform: expected fingerprint {_short(contract.transform_fingerprint)}, "
            f"found {_short(transform.fingerprint())}"
        )
        expected = _part(bundle, "transform")
        wrong += _pairs("transform: what feature {} learnt", expected, feature_states(transform))
    return wrong


def code_differences(bundle: Path, contract: Contract, transform: Transform) -> list[str]:
    """Compare the code that scores here with the code that scored in training, module by module."""
    found = scoring_code(transform)
    if digest(found) == contract.code_fingerprint:
        return []
    wrong = [f"code: expected fingerprint {_short(contract.code_fingerprint)}, found {_short(digest(found))}"]
    return wrong + _pairs("code: module {}", _part(bundle, "code"), found)


def _pairs(text: str, expected: dict[str, str], found: dict[str, str]) -> list[str]:
    names = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
    return [
        f"{text.format(name)}: expected {_short(expected.get(name, 'none'))}, found {_short(found.get(name, 'none'))}"
        for name in names
    ]


def _part(bundle: Path, name: str) -> dict[str, str]:
    content = _json_object(bundle, "fingerprints.json").get(name, {})
    return {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}


def _read(bundle: Path, name: str, wrong: Sequence[str], read: Callable[[Path], T]) -> T:
    try:
        return read(bundle / name)
    except (ValidationError, ValueError, KeyError, TypeError, FairleadError) as error:
        raise _unreadable(bundle, name, error, wrong) from error


def _json_object(bundle: Path, name: str, wrong: Sequence[str] = ()) -> dict[str, Any]:
    path = bundle / name
    if not path.is_file():
        raise IntegrityError(f"bundle {bundle} is refused: {name} is missing")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _unreadable(bundle, name, error, wrong) from error
    if not isinstance(content, dict):
        raise _unreadable(bundle, name, f"expected a JSON object, found {type(content).__name__}", wrong)
    return content


def _unreadable(bundle: Path, name: str, error: object, wrong: Sequence[str]) -> IntegrityError:
    if isinstance(error, ValidationError):
        error = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    lines = "".join(f"\n  - {line}" for line in [*wrong, f"{name}: cannot be read: {error}"])
    return IntegrityError(f"bundle {bundle} is refused:{lines}")


def _short(digest_: str) -> str:
    return f"{digest_[:12]}…" if len(digest_) > 12 else digest_
