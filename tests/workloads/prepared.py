"""What a workload finds when it prepares: set-up environments below a root, and the parts of a configuration."""

from pathlib import Path

from src.config.schema import Config
from src.workloads.training.interpreter import INTERPRETER, LOCK_COPY
from src.workloads.training.training_settings import TrainingParts


def set_up(root: Path, name: str) -> Path:
    """An environment that `make setup` might have left; its interpreter, which is an empty file."""
    lock = root / f"scripts/requirements/{name}-cpu.txt"
    python = root / ".venvs" / name / INTERPRETER
    for path in (lock, python.parent.parent / LOCK_COPY, python):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return python


def parts_of(config: Config) -> TrainingParts:
    return TrainingParts(config.framework, config.model, config.dataset, config.training, config.hardware)
