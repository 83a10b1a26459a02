"""Where the four IDX files are: the user's folder, else the cache, else a mirror."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from src.workloads.training.data.download import download
from src.workloads.training.data.idx import read_file
from src.workloads.training.data.verify import verified_content
from src.errors import DatasetError
from src.workloads.training.data.dataset import DatasetConfig, IdxFileConfig

log = logging.getLogger(__name__)


def verified_files(config: DatasetConfig, root: Path) -> tuple[dict[str, bytes], str]:
    """Returns the uncompressed content of each of the four files, verified, and where they came from in
    words.

    Raises DatasetError if a file is missing, cannot be downloaded, or is not the published one.
    """
    if config.path is not None:
        return _from_user(config, root / Path(config.path).expanduser())
    folder = cache_folder(config, root)
    contents, origins = {}, set()
    for key, file in config.files.items():
        contents[key], origin = _from_cache_or_mirror(config, file, folder)
        origins.add(origin)
    return contents, ", ".join(sorted(origins))


def cache_folder(config: DatasetConfig, root: Path) -> Path:
    """Returns the folder that keeps the files as they were downloaded."""
    return root / config.cache / config.name


def find_file(folder: Path, name: str) -> Path | None:
    """Returns the file, compressed or not, or None."""
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def require_user_files(config: DatasetConfig, folder: Path) -> dict[str, Path]:
    """Returns the paths of the four files in the user's folder. Raises DatasetError if one is missing."""
    found = {key: find_file(folder, file.name) for key, file in config.files.items()}
    missing = [config.files[key].name for key, path in found.items() if path is None]
    if missing:
        raise DatasetError(
            f"dataset.path={config.path}: {folder} has no {', '.join(missing)} (with or without .gz); "
            "put the files there, or correct the path"
        )
    return {key: path for key, path in found.items() if path is not None}


def _from_user(config: DatasetConfig, folder: Path) -> tuple[dict[str, bytes], str]:
    paths = require_user_files(config, folder)
    contents = {key: verified_content(read_file(path), config.files[key], str(path)) for key, path in paths.items()}
    return contents, str(folder)


def _from_cache_or_mirror(config: DatasetConfig, file: IdxFileConfig, folder: Path) -> tuple[bytes, str]:
    cached = find_file(folder, file.name)
    if cached is not None:
        try:
            return verified_content(read_file(cached), file, str(cached)), "cache"
        except DatasetError as error:
            log.warning("%s; removed from the cache", error)
            # Damaged after it was verified, or put there by hand. It must not stay, and a mirror may have it.
            cached.unlink()
    target = folder / f"{file.name}.gz"
    verify = functools.partial(_verify, file=file)
    try:
        address = download(target.name, config.mirrors, target, verify, config.connect_timeout_s)
    except DatasetError as error:
        raise DatasetError(_no_way_to_get(config, target.name, folder, str(error))) from error
    return verified_content(read_file(target), file, str(target)), address.removesuffix(target.name)


def _verify(content: bytes, address: str, file: IdxFileConfig) -> None:
    verified_content(content, file, address)


def _no_way_to_get(config: DatasetConfig, name: str, folder: Path, reasons: str) -> str:
    files = ", ".join(f"{file.name}.gz" for file in config.files.values())
    return (
        f"{name} of the dataset {config.name} is not in the cache and no mirror gave it:\n{reasons}\n"
        f"Put {files} into {folder} (or name their folder with dataset.path=FOLDER), "
        "or take dataset=digits, which needs no network."
    )
