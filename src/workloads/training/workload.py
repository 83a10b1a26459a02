from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingParts:
    framework: Any
    model: Any
    dataset: Any
    training: Any
    hardware: Any


def prepare_training(parts, root):
    raise NotImplementedError
