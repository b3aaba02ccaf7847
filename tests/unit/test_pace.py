"""What is to be done now and then is done at once, and then not too often."""

from hires_pack.hires.pace import Pace


def test_a_pace_of_three_a_second() -> None:
    now = 50.0
    pace = Pace(0.3, lambda: now)
    done = []
    for step in range(100):
        now = 50.0 + step / 16
        if pace.due():
            done.append(step)
    assert done == list(range(0, 100, 5))


def test_slow_steps_all_count() -> None:
    now = 0.0
    pace = Pace(0.3, lambda: now)
    for _ in range(4):
        assert pace.due()
        now += 0.5
