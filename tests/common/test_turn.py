import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from stages.common import turn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are neither alarms nor such locks")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "turn"
    file.touch()
    turn.share_turn(str(file))
    yield file
    turn.set_alarm(0)
    turn._files.clear()


def test_the_wait_does_not_count_against_the_time_of_the_item(shared: Path) -> None:
    def end_when_no_alarm_is_set() -> None:
        while signal.getitimer(signal.ITIMER_REAL)[0]:
            time.sleep(0.001)
        fcntl.flock(other, fcntl.LOCK_UN)

    with shared.open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        turn.set_alarm(1000)
        thread = Thread(target=end_when_no_alarm_is_set)
        thread.start()
        turn.take_turn()  # comes back when the other ends its turn
        thread.join()
    assert 0 < turn.set_alarm(0) <= 1000


def test_a_turn_ends_when_it_is_given_back(shared: Path) -> None:
    turn.take_turn()
    with shared.open("r+") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        turn.give_turn_back()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_without_others_there_is_nothing_to_wait_for() -> None:
    turn.take_turn()
    turn.give_turn_back()
