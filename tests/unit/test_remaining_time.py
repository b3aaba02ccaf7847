"""The line that tells how long a job will still take."""

from hires_pack.hires.remaining_time import RemainingTime


def test_remaining_time() -> None:
    now = 100.0
    remaining = RemainingTime(lambda: now)
    assert remaining.text(500, 1500) is None  # what was done before says nothing of the speed
    now = 101.0
    assert remaining.text(510, 1500) is None  # too early
    now = 104.0
    assert remaining.text(600, 1500) == "40 %, about 36 s left"
    now = 104.3
    assert remaining.text(610, 1500) is None  # not that often
    now = 110.0
    assert remaining.text(600, 1500) == "40 %, about 1 min 30 s left"
    now = 120.0
    assert remaining.text(1500, 1500) == "done in 20 s"
    now = 130.0
    assert remaining.text(0, 20) is None  # another job
    now = 7330.0
    assert remaining.text(10, 20) == "50 %, about 2 h 0 min left"


def test_short_jobs_say_nothing() -> None:
    now = 0.0
    remaining = RemainingTime(lambda: now)
    assert remaining.text(1, 4) is None
    now = 2.0
    assert remaining.text(3, 4) is None
    assert remaining.text(4, 4) is None
