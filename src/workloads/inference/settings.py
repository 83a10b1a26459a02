"""Placeholder until the inference branch is merged."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class InferenceConfig:
    passes: int = MISSING
    batch_size: int = MISSING
