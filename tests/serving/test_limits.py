import asyncio
import threading
import time
import weakref

import pytest

from components.core.errors import ContractViolation
from components.serving import limits
from components.serving.exchange import Overloaded, Slow, TooLarge
from components.serving.limits import ClientGone, Limits


class Sender:
    """An ASGI channel that gives parts of a body, one after the other, and counts what was taken."""

    def __init__(self, *parts, ends=True):
        self.parts, self.ends, self.taken = list(parts), ends, 0

    async def __call__(self):
        if not self.parts:
            await asyncio.Event().wait()
        part = self.parts.pop(0)
        self.taken += 1
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(self.parts) or not self.ends}


def _read(sender, declared=None, seconds=5.0, most=10):
    return asyncio.run(Limits(most).body(sender, declared, seconds))


@pytest.mark.parametrize("parts", [(b"1234567890",), (b"12345", b"67890"), (b"", b"1234567890"), (b"1234567890", b"")])
def test_a_body_within_the_limit_comes_whole(parts):
    assert _read(Sender(*parts), b"10") == b"1234567890"


@pytest.mark.parametrize("declared", [b"11", None, b"nonsense"])
@pytest.mark.parametrize("parts", [(b"12345678901",), (b"12345", b"678901"), (b"1234567890", b"1", b"2")])
def test_a_larger_one_is_read_to_its_end_and_refused(declared, parts):
    sender = Sender(*parts)
    with pytest.raises(TooLarge, match=r"allowed: a body of up to 10 bytes"):
        _read(sender, declared)
    # Else most clients, which send first and read then, would see a broken connection.
    assert sender.parts == []


def test_no_more_than_so_much_is_thrown_away(monkeypatch):
    monkeypatch.setattr(limits, "DRAINED", 20)
    sender = Sender(*[b"12345678"] * 100)
    with pytest.raises(TooLarge):
        _read(sender, b"800")
    assert sender.taken == 3


def test_and_for_no_longer_than_so_long(monkeypatch):
    monkeypatch.setattr(limits, "DRAIN_SECONDS", 0.01)
    with pytest.raises(TooLarge):
        _read(Sender(b"12345678", ends=False), b"800")


@pytest.mark.parametrize("parts", [(), (b"1",)], ids=["nothing of it", "a part of it"])
def test_a_body_that_does_not_come_is_not_waited_for(parts):
    with pytest.raises(Slow, match="did not come whole in time"):
        _read(Sender(*parts, ends=False), b"10", 0.01)


def test_nor_one_that_would_be_too_large():
    start = time.monotonic()
    with pytest.raises(TooLarge):
        _read(Sender(ends=False), b"11", 0.01)
    assert time.monotonic() - start < limits.DRAIN_SECONDS / 2


@pytest.mark.parametrize("parts", [(None,), (b"1", None)])
def test_a_client_that_goes_away_is_told_nothing(parts):
    with pytest.raises(ClientGone):
        _read(Sender(*parts))


def test_one_more_than_allowed_is_sent_away():
    some = Limits(10, max_in_flight=2)
    with some.one_more(), some.one_more():
        assert some.in_flight == 2
        with pytest.raises(Overloaded, match="2 requests are under way"), some.one_more():
            pass
        assert some.in_flight == 2
    with some.one_more():
        assert some.in_flight == 1
    free = Limits(10)
    for _ in range(1000):
        free.enter()
    assert free.in_flight == 1000


@pytest.mark.parametrize(
    ("deadline_ms", "asked", "seconds"),
    [
        (0, None, None),
        (100, None, 0.1),
        (0, "250", 0.25),
        (100, b"250", 0.1),
        (100, b"50", 0.05),
        (100, "0", 0.1),
        (0, "0", None),
    ],
)
def test_the_shorter_of_both_deadlines_holds(deadline_ms, asked, seconds):
    assert Limits(10, 0, deadline_ms).seconds(asked) == seconds


@pytest.mark.parametrize("asked", ["", "soon", "-5", "1.5", "9" * 30, b"\xb2"])
def test_a_deadline_that_is_none_is_refused(asked):
    with pytest.raises(ContractViolation, match="header x-envoy-expected-rq-timeout-ms: found"):
        Limits(10).seconds(asked)


@pytest.mark.parametrize(("size", "aside_"), [(limits.BIG - 1, False), (limits.BIG, True)])
def test_a_big_body_is_read_beside_the_loop(size, aside_):
    async def read():
        return await limits.aside(size, threading.get_ident), threading.get_ident()

    reader, loop = asyncio.run(read())
    assert (reader != loop) == aside_


def test_what_was_parsed_goes_before_its_error_comes_back():
    class Parsed:
        pass

    parsed = []

    def decode():
        content = Parsed()
        parsed.append(weakref.ref(content))
        raise ContractViolation("no")

    async def read():
        with pytest.raises(ContractViolation, match="no"):
            await limits.aside(limits.BIG, decode)
        return parsed[0]()

    assert asyncio.run(read()) is None
