"""What becomes of work that is handed out: order, limits, workers that fail, lose it or are slow."""

import itertools
import threading
import time

import pytest
from hires_pack.machines import handing_out
from hires_pack.machines.handing_out import HandingOut
from hires_pack.machines.pool import PoolError, WorkLostError


class Later:
    """A ticket whose answer comes when it is told to; or what a worker raises."""

    def __init__(self, answer):
        self.answer, self.ready, self.cancelled = answer, threading.Event(), False

    def wait(self, seconds):
        return self.ready.wait(seconds)

    def result(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def cancel(self):
        self.cancelled = True


class Crew:
    """A pool in which an item's answer is whatever `answer_of` makes of it and of how often it was handed out."""

    name = "crew"

    def __init__(self, answer_of, slots=2, at_once=True):
        self.answer_of, self.at_once, self.count = answer_of, at_once, slots
        self.tickets, self.excluded = [], []

    def meet(self, files, paths):
        return []

    def slots(self):
        return self.count

    def submit(self, function, item):
        again = sum(1 for one, _ in self.tickets if one == item)
        answer = self.answer_of(item, again)
        if type(answer) is PoolError:
            raise answer
        ticket = Later(answer)
        if self.at_once and answer is not None:
            ticket.ready.set()
        self.tickets.append((item, ticket))
        return ticket

    def exclude(self, who):
        self.excluded.append(who)

    def close(self):
        pass


class _GoneLaterError(PoolError):
    """Found out when the ticket is asked."""


def fine(item, again=0):
    return {"data": item, "who": "a", "seconds": 1.0}


def handed(crew, items=(0, 1, 2, 3, 4), check=lambda: None):
    job = HandingOut(crew, "upscale", check)
    answers = [(one.item, one.answer and one.answer["data"]) for one in job.results(items, lambda item: (item,))]
    return answers, job


def test_answers_come_in_order_and_say_who_gave_them():
    answers, job = handed(Crew(fine))
    assert answers == [(item, item) for item in range(5)]
    assert (job.tallies["a"].count, job.tallies["a"].seconds, job.remarks) == (5, 5.0, [])


def test_no_more_is_on_its_way_than_there_is_room_for():
    """Twice as many as are done at once, and two: the next one waits until one is taken."""
    crew = Crew(fine)
    results = HandingOut(crew, "upscale", lambda: None).results(itertools.count(), lambda item: (item,))
    for taken in range(1, 4):
        next(results)
        assert len(crew.tickets) == 5 + taken
    results.close()
    assert all(ticket.cancelled for _, ticket in crew.tickets[3:])


def test_what_cannot_be_handed_out_is_for_this_machine_when_its_turn_comes():
    job = HandingOut(Crew(fine), "upscale", lambda: None)
    answers = [one.answer is not None for one in job.results(range(4), lambda item: (item,) if item % 2 else None)]
    assert answers == [False, True, False, True]


@pytest.mark.parametrize("error", [WorkLostError("lost"), RuntimeError("odd")])
def test_a_piece_that_no_worker_survives_is_for_this_machine(error):
    answers, job = handed(Crew(lambda item, again: error if item == 2 else fine(item)))
    assert answers == [(0, 0), (1, 1), (2, None), (3, 3), (4, 4)]
    assert len(job.remarks) == 1
    assert "done by this machine" in job.remarks[0]


def test_a_worker_that_refuses_gets_nothing_more_and_its_piece_goes_to_another():
    refusal = {"refused": "it is old", "who": "b"}
    crew = Crew(lambda item, again: refusal if item == 1 and not again else fine(item))
    answers, job = handed(crew)
    assert answers == [(item, item) for item in range(5)]
    assert (crew.excluded, job.remarks) == (["b"], ["b is left out: it is old"])


@pytest.mark.parametrize("when", ["handed", "answered"])
def test_without_its_workers_a_job_goes_on_alone(when):
    gone = PoolError("gone.") if when == "handed" else _GoneLaterError("gone.")
    answers, job = handed(Crew(lambda item, again: fine(item) if item < 3 else gone))
    assert [data for _, data in answers] == [0, 1, 2, None, None]
    assert job.remarks == ["gone. This machine goes on alone"]


def test_nobody_waits_for_workers_that_are_not_there():
    """Before they come, or after all have gone; those that come later get what is left."""
    crew = Crew(lambda item, again: None if item < 3 else fine(item))
    asked = itertools.count()

    def check():
        crew.count = 0 if next(asked) < 3 else 2

    answers, job = handed(crew, check=check)
    assert answers == [(0, None), (1, None), (2, None), (3, 3), (4, 4)]
    assert job.remarks == ["there was no worker for a time, and this machine worked alone"]


def test_a_piece_that_all_wait_for_is_started_once_more(monkeypatch):
    monkeypatch.setattr(handing_out, "_SLOW_LEAST", 0.05)
    monkeypatch.setattr(handing_out, "_SLOW", 0.0)
    crew = Crew(lambda item, again: None if item == 3 and not again else fine(item))
    answers, _ = handed(crew)
    assert answers == [(item, item) for item in range(5)]
    slow, once_more = (ticket for item, ticket in crew.tickets if item == 3)
    assert slow.cancelled
    assert not slow.ready.is_set()
    assert once_more.ready.is_set()


def test_answers_are_heard_of_while_another_is_waited_for():
    """Also what is refused is handed out again at once."""
    first, heard = Later(fine(0)), []
    refused = {"refused": "no model", "who": "poor"}
    crew = Crew(lambda item, again: refused if item == 2 and not again else fine(item))
    job = HandingOut(crew, "function", lambda: len(heard) == 2 and first.ready.set())
    waiting = [job.start((item,), heard.append) for item in range(4)]
    waiting[0].tickets[:] = [first]
    assert job.answer(waiting[0])["data"] == 0
    assert [one["data"] for one in heard] == [1, 3, 2, 0]
    assert crew.excluded == ["poor"]
    assert [job.answer(one)["data"] for one in waiting[1:]] == [1, 2, 3]
    assert len(heard) == 4


def test_a_cancel_ends_it_at_once_and_lets_go_of_everything():
    crew = Crew(lambda item, again: None, at_once=False)
    asked = itertools.count()

    def check():
        if next(asked) == 2:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        handed(crew, check=check)
    assert time.monotonic() - started < 5
    assert all(ticket.cancelled for _, ticket in crew.tickets)
