import pytest

from src.workloads.command.names import LONGEST, short_names


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        pytest.param(["gzip -9 big", "xz -9 big"], ["gzip", "xz"], id="programs"),
        pytest.param(["/usr/bin/xz -9 big"], ["xz"], id="one alone"),
        pytest.param(["gzip -9 -k big", "gzip -1 -k big"], ["gzip -9", "gzip -1"], id="same program, other option"),
        pytest.param(["gzip -9 b", "gzip -1 b", "xz -9 b"], ["gzip -9", "gzip -1", "xz -9"], id="both differ"),
        pytest.param(["sort big", "sort -u big"], ["sort", "sort -u"], id="one word more"),
        pytest.param(["cat a a", "cat a"], ["cat a", "cat"], id="how often a word stands"),
        pytest.param(
            ["python t.py --epochs 3 -v", "python t.py --epochs 4 -v"],
            ["python --epochs 3", "python --epochs 4"],
            id="the option before a value",
        ),
        pytest.param(["a/bin/tool x", "b/bin/tool x"], ["a/bin/tool", "b/bin/tool"], id="same name, other folders"),
        pytest.param(["./tool x", "tool x"], ["./tool", "tool"], id="the same path to Python only"),
        pytest.param(["tool x", "other y", "tool x"], ["tool", "other", "tool"], id="equal lines, equal names"),
        pytest.param(["echo a,b", "echo c'd"], ["echo a,b", "echo c'd"], id="commas and quotes"),
    ],
)
def test_commands_are_called_by_what_differs(lines, names):
    assert short_names([line.split() for line in lines]) == names


@pytest.mark.parametrize(
    ("scripts", "names"),
    [
        (["xz -9 -c big | wc -c", "gzip -9 -c big | wc -c"], ["sh -c xz", "sh -c gzip"]),
        (["sleep 1; wc big", "sleep 2; wc big"], ["sh 1", "sh 2"]),
    ],
    ids=["programs", "values"],
)
def test_the_script_of_a_shell_is_compared_in_words(scripts, names):
    assert short_names([["sh", "-c", script] for script in scripts]) == names


def test_long_names_are_cut_and_still_differ():
    names = short_names([["sh", "-c", f"{'x' * 100}{last}\n{last}"] for last in "ab"])
    assert len(set(names)) == 2
    assert all(name.startswith("sh -c xxx") and len(name) <= LONGEST + 4 and "\n" not in name for name in names)
