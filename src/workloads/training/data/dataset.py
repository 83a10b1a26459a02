"""The keys of `conf/dataset/*.yaml`, and what their types cannot say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from omegaconf import MISSING

from src.errors import ConfigError

IDX_FILES = ("train_images", "train_labels", "test_images", "test_labels")


class Source(StrEnum):
    """Where a dataset's images come from."""

    # Four files in the IDX format of MNIST: from a folder, the cache or a mirror.
    idx = "idx"
    # scikit-learn's handwritten digits, which need no network.
    digits = "digits"
    # Made from a seed.
    synthetic = "synthetic"


@dataclass
class IdxFileConfig:
    """One IDX file; a mirror serves it as NAME.gz."""

    name: str = MISSING
    # Of the uncompressed file: the same whoever compressed it.
    sha256: str | None = None
    # Of NAME.gz, where only that was published.
    sha256_gz: str | None = None


@dataclass
class DatasetConfig:
    """What the networks learn."""

    name: str = MISSING
    source: Source = MISSING
    # A folder that holds the files, compressed or not; null takes the cache, then the mirrors.
    path: str | None = None
    # Where downloaded and prepared files are kept, below the project's folder.
    cache: str = MISSING
    # Addresses that end in "/", tried in this order.
    mirrors: list[str] = field(default_factory=list)
    # A mirror that stays silent for this long is given up.
    connect_timeout_s: float = 5.0
    # train_images, train_labels, test_images, test_labels.
    files: dict[str, IdxFileConfig] = field(default_factory=dict)
    classes: int = MISSING
    # Height, width, channels.
    image_shape: list[int] = MISSING
    # How many images there are; null for as many as wanted.
    train_available: int | None = None
    test_available: int | None = None
    # Use only the first images, the same for all frameworks; null takes all.
    train_size: int | None = None
    test_size: int | None = None
    # Decides the split of `digits` and everything of `synthetic`.
    seed: int = 0


def check(config: DatasetConfig) -> None:
    """Raises ConfigError, naming the key and the remedy, for the first value that is impossible."""
    for key, wanted, available in (
        ("train_size", config.train_size, config.train_available),
        ("test_size", config.test_size, config.test_available),
    ):
        if wanted is None and config.source is Source.synthetic:
            raise ConfigError(f"dataset.{key}=null: this dataset has no end; say how many images")
        available_key = key.replace("size", "available")
        if available is not None and available < 1:
            raise ConfigError(f"dataset.{available_key}={available}: must be at least 1, or null where nobody knows")
        check_size(key, wanted, available)
    if config.classes < 2:
        raise ConfigError(f"dataset.classes={config.classes}: must be at least 2")
    if len(config.image_shape) != 3 or min(config.image_shape) < 1:
        raise ConfigError(f"dataset.image_shape={config.image_shape}: give [height, width, channels], each > 0")
    if config.connect_timeout_s <= 0:
        raise ConfigError(f"dataset.connect_timeout_s={config.connect_timeout_s}: must be above 0")
    if not 0 <= config.seed < 2**32:
        raise ConfigError(f"dataset.seed={config.seed}: must be at least 0 and below 2^32")
    if config.source is Source.idx:
        _check_files(config.files)


def check_size(key: str, wanted: int | None, available: int | None) -> None:
    """Raises ConfigError if `dataset.KEY` wants no image, or more than there are (null: not known yet)."""
    if wanted is not None and wanted < 1:
        raise ConfigError(f"dataset.{key}={wanted}: must be at least 1, or null for all")
    if wanted is not None and available is not None and wanted > available:
        raise ConfigError(f"dataset.{key}={wanted}: there are only {available} images; take at most that, or null")


def _check_files(files: dict[str, IdxFileConfig]) -> None:
    if set(files) != set(IDX_FILES):
        raise ConfigError(f"dataset.files names {sorted(files)}: it must name exactly {', '.join(IDX_FILES)}")
    for key, file in files.items():
        for digest_key, digest in (("sha256", file.sha256), ("sha256_gz", file.sha256_gz)):
            if digest is not None and not re.fullmatch("[0-9a-f]{64}", digest):
                raise ConfigError(
                    f"dataset.files.{key}.{digest_key}={digest}: must be 64 lower-case hex digits, or null"
                )
