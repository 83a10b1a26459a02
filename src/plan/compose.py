"""Compose the configuration of every treatment, as Hydra will when its runs start, but before any of them does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from src.plan.schema import Config, typed
from src.plan.treatments import Treatment


@dataclass
class Composer:
    """Composes treatments that differ in values only from one composition of their groups, which is what takes long.

    Hydra itself applies values after all groups are composed, so the result is the same.
    """

    loader: ConfigLoader
    master: DictConfig
    _by_groups: dict[tuple[str, ...], DictConfig] = field(default_factory=dict)
    _is_group: dict[str, bool] = field(default_factory=dict)

    def compose(self, treatment: Treatment) -> Config:
        """The treatment's configuration; raises Hydra's and OmegaConf's errors for what cannot be composed."""
        parser = OverridesParser.create(config_loader=self.loader)
        overrides = parser.parse_overrides(list(treatment.overrides))
        plain = [self._is_plain_value(override) for override in overrides]
        values = [override for override, is_plain in zip(overrides, plain, strict=True) if is_plain]
        groups = tuple(str(o.input_line) for o, is_plain in zip(overrides, plain, strict=True) if not is_plain)
        cfg = copy.deepcopy(self._composed(groups))
        ConfigLoaderImpl._apply_overrides_to_config(values, cfg)
        return typed(cfg)

    def _composed(self, groups: tuple[str, ...]) -> DictConfig:
        if groups not in self._by_groups:
            cfg = self.loader.load_sweep_config(self.master, list(groups))
            self._by_groups[groups] = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
            OmegaConf.set_struct(self._by_groups[groups], True)
        return self._by_groups[groups]

    def _is_plain_value(self, override: Override) -> bool:
        """Whether it is `key=value` of a key that is no group."""
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
            return False
        key = override.key_or_group
        if key not in self._is_group:
            self._is_group[key] = bool(self.loader.get_group_options(key))
        return not self._is_group[key]


def compose_all(loader: ConfigLoader, master: DictConfig, treatments: Sequence[Treatment]) -> list[Config]:
    """The configurations of all treatments, in their order."""
    composer = Composer(loader, master)
    return [composer.compose(treatment) for treatment in treatments]
