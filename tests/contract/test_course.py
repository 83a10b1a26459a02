"""How a sweep went, and when somebody looked at its results."""

from __future__ import annotations

import pytest

from src.contract.course import MOST, Step, course_text, looks_before_the_end, read_course, went_on


def course(*told: tuple[str, int, int]) -> tuple[Step, ...]:
    return tuple(Step(what, 1000 * n, planned, finished) for n, (what, planned, finished) in enumerate(told))  # type: ignore[arg-type]


def test_a_course_is_read_as_it_was_written() -> None:
    steps = course(("begun", 6, 0), ("stopped", 6, 2), ("resumed", 6, 2), ("finished", 6, 6))
    assert read_course(course_text(steps)) == steps


@pytest.mark.parametrize(
    "text", ["", "no JSON", "{}", "[[1]]", '[["sold",1,2,3]]', '[["begun","a",2,3]]', "7"],
    ids=["none", "damaged", "an object", "short", "unknown", "no number", "a number"],
)  # fmt: skip
def test_what_cannot_be_read_is_no_course(text: str) -> None:
    assert read_course(text) == ()


def test_of_a_long_course_the_begin_and_the_latest_are_kept() -> None:
    steps = course(("begun", 9, 0), *[("resumed", 9, n) for n in range(2 * MOST)])
    kept = read_course(course_text(steps))
    assert (len(kept), kept[0], kept[-1]) == (MOST, steps[0], steps[-1])
    assert len(course_text(steps)) < 4900


def test_going_on_is_a_begin_a_resumption_or_an_extension() -> None:
    begun = went_on((), 1, 6)
    assert begun == Step("begun", 1, 6, 0)
    stopped = (begun, Step("stopped", 2, 6, 4))
    assert went_on(stopped, 3, 6) == Step("resumed", 3, 6, 4)
    assert went_on(stopped, 3, 8) == Step("extended", 3, 8, 4)


LOOKS = {
    "to the end": ([("begun", 6, 0), ("finished", 6, 6)], []),
    "stopped and resumed": ([("begun", 6, 0), ("stopped", 6, 2), ("resumed", 6, 2), ("finished", 6, 6)], []),
    "looked at while stopped": (
        [("begun", 6, 0), ("stopped", 6, 2), ("looked", 6, 2), ("resumed", 6, 2), ("finished", 6, 6)],
        [2],
    ),
    "looked at, and nothing followed": ([("begun", 6, 0), ("stopped", 6, 2), ("looked", 6, 2)], []),
    "extended after its end": ([("begun", 6, 0), ("finished", 6, 6), ("extended", 8, 6), ("finished", 8, 8)], [6]),
    "extended after a stop": ([("begun", 6, 0), ("stopped", 6, 3), ("extended", 8, 3), ("finished", 8, 8)], []),
    "looked at while it ran": ([("begun", 6, 0), ("looked", 6, 4), ("finished", 6, 6)], [4]),
}


@pytest.mark.parametrize(("told", "looks"), LOOKS.values(), ids=LOOKS)
def test_looks_before_the_end(told: list[tuple[str, int, int]], looks: list[int]) -> None:
    assert [step.finished for step in looks_before_the_end(course(*told))] == looks
