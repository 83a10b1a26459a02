"""What stands in conf/framework/ is read alike by set-up, which has no YAML, and by the orchestrator."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.errors import SetupError
from src.paths import CONF
from src.workloads.training.frameworks import Framework, environments, foreign_packages, frameworks

FILES = sorted((CONF / "framework").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_read_as_omegaconf_reads_it(path: Path) -> None:
    option = OmegaConf.load(path)
    assert option.name == path.stem
    assert frameworks()[path.stem] == Framework(option.environment, tuple(option.packages))


def test_every_file_is_read() -> None:
    assert list(frameworks()) == [path.stem for path in FILES]
    assert environments() == sorted({OmegaConf.load(path).environment for path in FILES})
    assert {"jax", "tf", "torch"} <= set(environments())


KNOWN = {"flax", "jax", "jaxlib", "keras", "optax", "tensorflow", "torch"}
TOOLS = {"hydra", "matplotlib", "mlflow", "omegaconf", "pandas", "scipy", "sklearn"}


@pytest.mark.parametrize("own", [("torch",), ("tensorflow", "keras"), ()], ids=["torch", "tf", "none"])
def test_all_other_frameworks_and_the_orchestrators_tools_are_foreign(own: tuple[str, ...]) -> None:
    foreign = foreign_packages(own)
    assert foreign == sorted(set(foreign))
    assert set(foreign) & (KNOWN | TOOLS) == (KNOWN | TOOLS) - set(own)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("environment: e-1.2\npackages: []\n", Framework("e-1.2", ())),
        ("name: x\npackages: [a, b_c]\nenvironment: e\n", Framework("e", ("a", "b_c"))),
        ("packages: [a]\n", None),
        ("environment: e\npackages:\n  - a\n", None),
        ("environment: e\npackages: [a b]\n", None),
    ],
)
def test_lines_that_set_up_can_read(tmp_path: Path, text: str, expected: Framework | None) -> None:
    (tmp_path / "x.yaml").write_text(text)
    if expected is None:
        with pytest.raises(SetupError, match=r"x\.yaml must have the lines"):
            frameworks(tmp_path)
    else:
        assert frameworks(tmp_path) == {"x": expected}
