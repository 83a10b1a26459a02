"""From a dataset's configuration to four `.npy` files that a worker maps into its memory."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from src.workloads.training.data.arrays import MANIFEST, Stored, check_arrays, read_store, write_store
from src.workloads.training.data.dataset import DatasetConfig, check, check_size, find_loader

PREPARATION = 1
"""To be raised when the same input would be prepared differently."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A dataset on disk: images float32 (n, height, width, channels) in [0, 1], labels int64 (n,).

    `train_size` and `test_size` say how many of the first rows to use. `source` tells where the data came
    from; `checksum` is the SHA-256 of the prepared arrays, the same on every machine that uses the same data.
    """

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path
    train_size: int
    test_size: int
    classes: int
    image_shape: tuple[int, ...]
    source: str
    checksum: str


def prepare(config: DatasetConfig, root: Path) -> Prepared:
    """Makes the four files below `root`/`config.cache` unless they are there, and returns where they are.

    Raises ConfigError for values that cannot be, and DatasetError if the data cannot be found, downloaded or
    trusted.
    """
    check(config)
    loader, folder = find_loader(config.source), _folder(config, root)
    stored = read_store(folder)
    if stored is None:
        if folder.exists():
            log.warning("%s is damaged, or of another version; its data is prepared anew", folder)
        arrays, origin = loader.load(config, root)
        check_arrays(arrays, tuple(config.image_shape), config.classes, config.name)
        stored = write_store(folder, arrays, origin)
    return _prepared(config, folder, stored)


def whereabouts(config: DatasetConfig, root: Path) -> str:
    """Where the data are, in words, nothing where they are still to be fetched; neither fetches nor prepares any.

    Raises ConfigError and DatasetError as `prepare` does.
    """
    check(config)
    folder = _folder(config, root)
    if (folder / MANIFEST).is_file():
        return f"prepared in {folder.relative_to(root)}"
    if not config.files:
        return "made on this machine"
    if config.path is not None:
        return f"in {config.path}"
    cached = root / config.cache / config.name
    here = all(any((cached / f"{f.name}{end}").is_file() for end in ("", ".gz")) for f in config.files.values())
    return f"in {cached.relative_to(root)}" if here else ""


def _folder(config: DatasetConfig, root: Path) -> Path:
    """Named by everything that decides its content; a loader may read the user's own files for that."""
    facts = _shape_facts(config) | find_loader(config.source).identity(config, root)
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    return root / config.cache / f"{config.name}-{fingerprint}"


def _shape_facts(config: DatasetConfig) -> dict[str, object]:
    return {
        "preparation": PREPARATION,
        "source": config.source,
        "image_shape": config.image_shape,
        "classes": config.classes,
    }


def _prepared(config: DatasetConfig, folder: Path, stored: Stored) -> Prepared:
    check_size("train_size", config.train_size, stored.train_count)
    check_size("test_size", config.test_size, stored.test_count)
    return Prepared(
        train_images=folder / "train_images.npy",
        train_labels=folder / "train_labels.npy",
        test_images=folder / "test_images.npy",
        test_labels=folder / "test_labels.npy",
        train_size=config.train_size or stored.train_count,
        test_size=config.test_size or stored.test_count,
        classes=config.classes,
        image_shape=tuple(config.image_shape),
        source=stored.origin,
        checksum=stored.checksum,
    )
