import io
import re
import time

import pytest
from rich.console import Console

from src.contract.metrics import OF_TRAINING
from src.contract.record import FiledRun
from src.protocol.display import Display, View, duration, render

RUN = FiledRun(
    run_id="", name="", start_ms=0, end_ms=0, status="finished", described={"accuracy": OF_TRAINING[0]},
    tags={"treatment": "torch", "energy_kind": "estimated"},
    metrics={"energy_j": 58.2, "duration_s": 8.4, "power_w": 6.9, "edp_js": 489.0, "accuracy": 0.875},
)  # fmt: skip


def drawn(view, now):
    console = Console(width=90, record=True, file=io.StringIO())
    console.print(render(view, now))
    return console.export_text()


def test_the_view_shows_what_runs_what_is_next_and_what_is_left():
    view = View(
        title="study",
        total=6,
        done=1,
        now="jax 1/2",
        now_since=100.0,
        next="tf 1/2",
        left_s=90,
        left_since=100,
    )
    view.results.append(("torch 1/2", RUN))
    text = drawn(view, now=130.0)
    for part in (
        "study",
        "1/6 runs",
        "about 1 min 00 s left",
        "jax 1/2, 30 s",
        "tf 1/2",
        "58.20",
        "estimated",
        "87.50",
    ):
        assert part in text


@pytest.mark.parametrize(("total", "said"), [(1, "0/1 run"), (2, "0/2 runs")])
def test_one_run_is_one_run(total, said):
    assert said in drawn(View(title="x", total=total), now=0.0).replace(" │", "")


def on_a_terminal(width):
    return Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None, legacy_windows=False)


SAID = (
    "length: roughly 1 min 26 s, 2 s baseline and 3 s warm-up come first; sharper after the first block. Files: "
    "/a/folder/whose/name/is/longer/than/any/terminal/so/that/it/could/be/broken/anywhere/else"
)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_long_line_breaks_no_word_on_a_terminal_and_no_number_from_its_unit(width):
    console = on_a_terminal(width)
    Display(console).say(SAID)
    lines = console.file.getvalue().splitlines()
    assert len(lines) > 1
    assert [word for line in lines for word in line.split()] == SAID.split()
    assert all(len(line) <= width for line in lines if "/a/folder" not in line)
    assert not [line for line in lines if line.split()[-1].isdigit() or line.endswith("1 min")]


def test_what_is_to_be_copied_stays_one_line():
    console = on_a_terminal(60)
    Display(console).copied(SAID)
    assert console.file.getvalue().count("\n") == 1


def test_what_was_said_is_not_said_again():
    console = on_a_terminal(60)
    display = Display(console)
    display.once("plan")
    display.once("plan")
    assert console.file.getvalue().count("plan") == 1


def test_the_view_leaves_room_for_what_the_terminal_writes_at_a_ctrl_c():
    console = on_a_terminal(60)
    display = Display(console)
    with display.live("study", 2):
        display.started("torch 1/1", "nothing", 10.0)
    shown = [line for line in console.file.getvalue().splitlines() if "─" in line]
    assert shown
    assert max(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) for line in shown) == 58


def test_a_view_that_has_ended_names_nothing_that_still_runs():
    display = Display(on_a_terminal(80))
    with display.live("study", 2):
        display.started("torch 1/2", "jax 1/2", 10.0)
        display.finished("torch 1/2", RUN)
        assert "next  jax 1/2" in drawn(display.view, time.monotonic())
    text = drawn(display.view, time.monotonic())
    assert "1/2 runs" in text
    assert "now" not in text
    assert "next" not in text
    assert "left" not in text


def test_a_stage_counts_down():
    view = View(now="warming up", now_since=10.0, now_until=40.0)
    assert "warming up, 12 s left" in drawn(view, now=28.0)


def test_plain_output_is_lines_that_name_the_energy_kind():
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    display = Display(console)
    with display.live("study", 2):
        display.stage("warming up", 3)
        display.started("torch 1/1", "nothing", 10.0)
        display.finished("torch 1/1", RUN)
    text = console.file.getvalue()
    assert "warming up, 3 s" in text
    assert "58.20 J (estimated), 8.400 s, 6.900 W, accuracy 87.50 %, about 10 s left" in text
    assert "\x1b" not in text


def test_nothing_is_said_about_a_length_that_nobody_knows():
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    display = Display(console)
    with display.live("study", 2):
        display.started("torch 1/1", "nothing", None)
        display.finished("torch 1/1", RUN)
    assert "left" not in console.file.getvalue()
    assert "left" not in drawn(View(now="torch 1/1", now_since=0.0, total=2), now=1.0)


def test_a_sweep_that_goes_on_counts_what_was_finished_before():
    display = Display(Console(width=120, file=io.StringIO(), force_terminal=False))
    with display.live("study", 6, done=4):
        display.finished("torch 1/1", RUN)
    assert "5/6 runs" in drawn(display.view, now=0.0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (9600, "2 h 40 min")]
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


def test_labels_and_names_are_shown_as_they_stand():
    view = View(title="study [a]", now="ls [a-z] 1/1")
    view.results.append(("ls [a-z] 1/1", RUN))
    text = drawn(view, now=0.0)
    assert "study [a]" in text
    assert text.count("ls [a-z] 1/1") == 2
