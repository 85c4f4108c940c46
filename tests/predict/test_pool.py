from collections.abc import Iterator
from threading import Event

import pytest

from stages.predict.pool import batches


def test_batches_hold_every_item_in_order() -> None:
    found = list(batches(range(100), 7))
    assert [item for batch in found for item in batch] == list(range(100))
    assert max(map(len, found)) <= 7
    assert list(batches([], 7)) == []


def test_what_is_there_is_not_kept_waiting_for_more() -> None:
    more = Event()

    def items() -> Iterator[int]:
        yield 1
        assert more.wait(60)
        yield 2

    found = batches(items(), 7)
    assert next(found) == [1]
    more.set()
    assert list(found) == [[2]]


def test_an_error_comes_after_what_was_there_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("the list is gone")

    found = batches(items(), 7)
    assert next(found) == [1]
    with pytest.raises(KeyError, match="the list is gone"):
        next(found)


def test_not_more_is_taken_than_is_asked_for() -> None:
    taken = []

    def items() -> Iterator[int]:
        for i in range(1000):
            taken.append(i)
            yield i

    found = batches(items(), 4)
    next(found)
    assert len(taken) < 20
