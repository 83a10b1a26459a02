"""Compose the configurations of treatments quickly: what they share is composed by Hydra once.

Composing takes Hydra about 0.2 s, most of it for the groups. Treatments that choose the same groups differ in values
only, and Hydra applies values after all groups are composed; so a copy with the values applied is the same.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from src.config.command_words import for_hydra
from src.config.schema import Config, refuse_additions, resolved, without_hydra


@dataclass
class Composer:
    """Keeps one composition for each choice of groups; `master` is the sweep's own configuration."""

    loader: ConfigLoader
    master: DictConfig
    _by_groups: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    _parsed: dict[str, Override] = field(default_factory=dict)
    _is_group: dict[str, bool] = field(default_factory=dict)

    def compose(self, lines: Sequence[str]) -> Config:
        """The typed configuration; raises Hydra's and OmegaConf's errors for what cannot be composed."""
        lines = for_hydra(lines)
        overrides = [self._parse(line) for line in lines]
        plain = [self._is_plain_value(override) for override in overrides]
        groups = tuple(line for line, is_plain in zip(lines, plain, strict=True) if not is_plain)
        if groups not in self._by_groups:
            composed = without_hydra(self.loader.load_sweep_config(self.master, list(groups)))
            refuse_additions(composed)
            self._by_groups[groups] = pickle.dumps(composed)  # read again in a quarter of the time of a deepcopy
        cfg: DictConfig = pickle.loads(self._by_groups[groups])
        for override, is_plain in zip(overrides, plain, strict=True):
            if is_plain:
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
        OmegaConf.copy_cache(from_config=self.master, to_config=cfg)
        return resolved(cfg)

    def _parse(self, line: str) -> Override:
        if line not in self._parsed:
            [self._parsed[line]] = OverridesParser.create(config_loader=self.loader).parse_overrides([line])
        return self._parsed[line]

    def _is_plain_value(self, override: Override) -> bool:
        """Whether it is `key=value` of a key that is no group and not Hydra's own."""
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
            return False
        key = override.key_or_group
        if key not in self._is_group:
            self._is_group[key] = override.is_hydra_override() or bool(self.loader.get_group_options(key))
        return not self._is_group[key]
