"""How sweeps went, in words."""

from __future__ import annotations

from src.report.courses import course_sentence, look_notices
from tests.contract.test_course import course

EXTENDED = course(
    ("begun", 18, 0), ("stopped", 18, 5), ("resumed", 18, 5), ("finished", 18, 18), ("extended", 40, 18),
    ("finished", 40, 40),
)  # fmt: skip


def test_what_became_of_a_sweep_is_said_in_order() -> None:
    assert course_sentence("s1", EXTENDED) == (
        "Sweep s1 was begun with 18 planned runs, stopped after 5 of 18, resumed after 5 of 18, "
        "finished after 18 of 18, extended to 40 planned runs, finished after 40 of 40."
    )


def test_a_sweep_that_simply_ended_needs_no_sentence() -> None:
    assert course_sentence("s1", course(("begun", 18, 0), ("finished", 18, 18))) == ""
    assert course_sentence("s1", ()) == ""


def test_a_look_before_the_end_is_warned_of() -> None:
    (notice,) = look_notices({"s1": EXTENDED, "s2": course(("begun", 2, 0), ("finished", 2, 2))})
    assert notice.startswith("Results of sweep s1 were looked at after 18 of 18 runs, and measuring went on")
