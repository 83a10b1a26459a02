import shutil
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("framework=t", {"framework=tf", "framework=tf_tuned", "framework=torch", "framework=torch_tuned"}),
        ("-m protocol=s", {"protocol=study", "protocol=smoke"}),
        ("training.ep", {"training.epochs=", "training.epsilon="}),
    ],
)
def test_tab_completes_groups_options_and_keys(repository, line, expected):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    script = f'source scripts/completion.bash; COMP_LINE="{sys.executable} -m src.main {line}"; COMP_POINT=99; '
    done = subprocess.run(
        ["bash", "-c", script + '_joulebench_complete; printf "%s\\n" "${COMPREPLY[@]}"'],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == expected
