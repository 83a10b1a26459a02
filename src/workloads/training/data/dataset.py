"""The keys of `conf/dataset/*.yaml`, their rules, and the loader that each names."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from omegaconf import MISSING

from src.errors import ConfigError
from src.rules import ABOVE_ZERO, FILE_NAME, Rule, at_least, check_fields
from src.workloads.training.data import loaders

if TYPE_CHECKING:
    from src.workloads.training.data.arrays import Arrays

CHECKSUM = Rule("64 lower-case hex digits, or null", lambda value: re.fullmatch("[0-9a-f]{64}", value) is not None)
IMAGE_SHAPE = Rule("[height, width, channels], each > 0", lambda value: len(value) == 3 and min(value) > 0)
SEED = Rule("at least 0 and below 2^32", lambda value: 0 <= value < 2**32)
SIZE = at_least(1, ", or null for all")
AVAILABLE = at_least(1, ", or null where nobody knows")


@dataclass
class IdxFileConfig:
    """One IDX file; a mirror serves it as NAME.gz."""

    name: Annotated[str, FILE_NAME] = MISSING
    # Of the uncompressed file: the same whoever compressed it.
    sha256: Annotated[str | None, CHECKSUM] = None
    # Of NAME.gz, where only that was published.
    sha256_gz: Annotated[str | None, CHECKSUM] = None


@dataclass
class DatasetConfig:
    """What the networks learn."""

    # What the dataset is called, and the folder that keeps its files.
    name: Annotated[str, FILE_NAME] = MISSING
    # Where the images come from: a module of src.workloads.training.data.loaders.
    source: str = MISSING
    # A folder that holds the files, compressed or not; null takes the cache, then the mirrors.
    path: str | None = None
    # Where downloaded and prepared files are kept, below the project's folder.
    cache: str = MISSING
    # Addresses that end in "/", tried in this order.
    mirrors: list[str] = field(default_factory=list)
    # A mirror that stays silent for this long is given up.
    connect_timeout_s: Annotated[float, ABOVE_ZERO] = 5.0
    # The four files with their checksums: train_images, train_labels, test_images, test_labels.
    files: dict[str, IdxFileConfig] = field(default_factory=dict)
    # How many kinds of images there are.
    classes: Annotated[int, at_least(2)] = MISSING
    # Height, width, channels of an image.
    image_shape: Annotated[list[int], IMAGE_SHAPE] = MISSING
    # How many images there are to train with; null for as many as wanted.
    train_available: Annotated[int | None, AVAILABLE] = None
    # The same of those to test with.
    test_available: Annotated[int | None, AVAILABLE] = None
    # Train with the first images only, the same for all frameworks; null takes all.
    train_size: Annotated[int | None, SIZE] = None
    # Test with the first images only; null takes all.
    test_size: Annotated[int | None, SIZE] = None
    # Decides the split of `digits` and everything of `synthetic`.
    seed: Annotated[int, SEED] = 0


class Loader(Protocol):
    """The functions of a module in `src.workloads.training.data.loaders`; its name is the dataset's `source`."""

    def check(self, config: DatasetConfig, /) -> None:
        """Raise ConfigError for a key that this source needs and the configuration lacks."""

    def identity(self, config: DatasetConfig, root: Path, /) -> dict[str, object]:
        """All but shape and classes that decides the arrays, as plain values; equal facts mean equal arrays.

        Raises DatasetError where the data are missing or not the published ones.
        """

    def load(self, config: DatasetConfig, root: Path, /) -> tuple[Arrays, str]:
        """The whole dataset, and where it came from in words; paths are relative to `root`.

        Raises DatasetError where it cannot be found, downloaded or trusted, ConfigError where the configuration
        forbids it.
        """


def find_loader(source: str) -> Loader:
    """The loader of a source; raises ConfigError, naming those that there are, where there is none."""
    known = sorted(info.name for info in pkgutil.iter_modules(loaders.__path__))
    if source not in known:
        raise ConfigError(f"dataset.source={source}: no such loader; choose from {', '.join(known)}")
    return cast(Loader, importlib.import_module(f"{loaders.__name__}.{source}"))


def check(config: DatasetConfig) -> None:
    """Raises ConfigError, naming the key and the remedy, for the first value that is impossible."""
    check_fields(config, "dataset")
    check_size("train_size", config.train_size, config.train_available)
    check_size("test_size", config.test_size, config.test_available)
    find_loader(config.source).check(config)


def check_size(key: str, wanted: int | None, available: int | None) -> None:
    """Raises ConfigError if `dataset.KEY` wants more images than there are (null: not known yet)."""
    if wanted is not None and available is not None and wanted > available:
        raise ConfigError(f"dataset.{key}={wanted}: there are only {available} images; take at most that, or null")
