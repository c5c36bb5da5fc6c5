import pytest

from components.serving.__main__ import main, parse


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--http-port", "99999"), "argument --http-port: '99999' found, allowed: 0 to 65535"),
        (("--http-port", "-1"), "argument --http-port"),
        (("--grpc-port", "x"), "argument --grpc-port: 'x' found"),
        (("--max-rows", "-5"), "argument --max-rows: '-5' found, allowed: a whole number from 0 on"),
        (("--deadline-ms", "1.5"), "argument --deadline-ms: '1.5' found"),
        (("--variant", "a\r\nset-cookie: b"), "argument --variant"),
        # Several processes behind one port have their own metrics each, and what one is told the others are not.
        (("--workers", "2"), "unrecognized arguments: --workers 2"),
        (("--features-policy", "guess"), "invalid choice: 'guess'"),
        ((), "the following arguments are required: --bundle"),
    ],
)
def test_a_wrong_option_is_told_in_a_line(options, text, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*(("--bundle", "x") if options else ()), *options])
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_what_is_not_given_is_careful():
    options = parse(["--bundle", "x"])
    assert (options.host, options.grpc_port, options.log, options.hooks, options.features) == (
        "127.0.0.1",
        0,
        [],
        "",
        "",
    )
    assert options.max_in_flight > 0
    assert options.deadline_ms > 0


def test_what_can_be_given_more_than_once_is_kept():
    options = parse(["--bundle", "x", "--log", "sqlite:///a", "--log", "parquet:///b", "--log-rate", "canary=0.5"])
    assert (options.log, options.log_rate) == (["sqlite:///a", "parquet:///b"], ["canary=0.5"])
