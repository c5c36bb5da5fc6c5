import pytest

from components.features.document import document, main


def test_everything_in_the_registry_is_described(built):
    text = document(built.store)
    for line in (
        "| bank | Bank | STRING | Named by the column Bank | credit-risk |",
        "### sba_loans_zip",
        "| zip_bad | Float64 | Bad outcomes with this zip in the 36 months before |",
        "### sba_loans_matrix (on demand)",
        "| guarantee_share | Float64 | Part of the loan that the agency guarantees. |",
        f"- transform_fingerprint: `{built.transform.fingerprint()}`",
        f"- version: `{built.report.version}`",
        f"- code_fingerprint: `{built.report.code_fingerprint}`",
    ):
        assert line in text.splitlines()
    matrix = text.split("### sba_loans_matrix (on demand)")[1].split("##")[0]
    rows = [line.split(" | ") for line in matrix.splitlines() if " | Float64 | " in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(built.transform.names)
    assert all(len(row[2]) > 10 for row in rows), "a feature without a description"


def test_the_command_writes_to_a_file_or_to_the_terminal(built, tmp_path, capsys):
    assert main([str(built.store)]) == 0
    printed = capsys.readouterr().out
    assert main([str(built.store), str(tmp_path / "features.md")]) == 0
    assert (tmp_path / "features.md").read_text() == printed == document(built.store)


@pytest.mark.parametrize(("arguments", "code", "message"), [([], 2, "usage"), (["nowhere"], 1, "is not a feature")])
def test_the_command_says_what_is_wrong(arguments, code, message, capsys):
    assert main(arguments) == code
    assert message in capsys.readouterr().err
