import json
import shutil

import pytest
from click.testing import CliRunner

from components.core.errors import FairleadError
from components.training.integrity import CHECKSUMS, checksums
from pipelines.provenance_command import COMMANDS, provenance


def typed(settings, *words):
    return CliRunner().invoke(provenance, words, obj=settings)


def test_all_evidence_is_told_and_ours_ends_well(session_settings, signed_bundle):
    done = typed(session_settings, str(signed_bundle))
    assert done.exit_code == 0, done.output
    *lines, last = done.output.splitlines()
    says = [line.split()[:2] for line in lines]
    assert says == [["signature", "yes"], ["records", "no"], ["watermark", "nothing"]]
    assert last == f"{signed_bundle}: ours, unchanged since it was signed; it was not registered here"


def test_what_is_not_shown_to_be_ours_fails(session_settings, signed_bundle, tmp_path):
    folder = shutil.copytree(signed_bundle, tmp_path / "changed")
    (folder / "model_card.md").write_text("# My own model\n")
    (folder / CHECKSUMS).write_text(json.dumps(checksums(folder)))
    done = typed(session_settings, str(folder))
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == f"{folder}: not shown to be ours"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_url_is_asked_as_a_server(session_settings, url):
    done = typed(session_settings, url)
    assert isinstance(done.exception, FairleadError)
    assert "name it with --against" in str(done.exception)


def test_it_is_one_command():
    assert [command.name for command in COMMANDS] == ["provenance"]
