"""Sealing: the last change to a bundle is its model card; then it is summed up, signed and changed no more."""

import json
import shutil
from pathlib import Path

from components.core.artifacts import hash_file, whole_directory
from components.core.errors import FairleadError
from components.training import integrity, signing


def seal(draft: Path, card_markdown: str, card_json: str, signing_key: Path, verify_key: Path, target: Path) -> str:
    """Copy a draft to ``target``, add the model card, sum up and sign; return the sha256 of ``checksums.json``.

    Args:
        draft: what ``bundle.write`` made; left as it is.
        card_markdown: the model card for people.
        card_json: the model card for machines.
        signing_key: private key; made with its public half when neither is there.
        verify_key: public key.
        target: the directory to make; a step killed in the middle leaves none.

    Raises:
        FairleadError: the card is empty, or there is something at ``target``.
        IntegrityError: the draft's files are not those of its checksums.
    """
    if not card_markdown.strip() or not card_json.strip():
        raise FairleadError("a bundle is not sealed without its model card; make it with judgement.model_card")
    if target.exists():
        raise FairleadError(f"{target} is there already; a sealed bundle is never written over: name another")
    integrity.refuse(draft, integrity.file_differences(draft))
    signing.ensure_key(signing_key, verify_key)
    with whole_directory(target) as scratch:
        shutil.copytree(draft, scratch, dirs_exist_ok=True)
        (scratch / "model_card.md").write_text(card_markdown, encoding="utf-8")
        (scratch / "model_card.json").write_text(card_json, encoding="utf-8")
        sums = json.dumps(integrity.checksums(scratch), indent=1, sort_keys=True) + "\n"
        (scratch / integrity.CHECKSUMS).write_text(sums, encoding="utf-8")
        signing.sign(scratch, signing_key)
    return hash_file(target / integrity.CHECKSUMS)
