"""A small dataset in MNIST's format, and a local server that plays the mirror, well or badly."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from omegaconf import OmegaConf

from src.workloads.training.data.dataset import DatasetConfig, IdxFileConfig

NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An array in IDX format."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.fixture
def contents() -> dict[str, bytes]:
    """The uncompressed IDX files of 6 training and 3 test images of 28 x 28 pixels."""
    random = np.random.default_rng(7)
    return {
        "train_images": idx_bytes(random.integers(0, 256, (6, 28, 28), dtype=np.uint8)),
        "train_labels": idx_bytes(np.array([0, 1, 2, 9, 4, 5], np.uint8)),
        "test_images": idx_bytes(random.integers(0, 256, (3, 28, 28), dtype=np.uint8)),
        "test_labels": idx_bytes(np.array([3, 2, 1], np.uint8)),
    }


@dataclass
class Mirror:
    """A server on this machine; `answers` maps names to what is sent, `lies_bytes` to wrong lengths."""

    address: str
    answers: dict[str, bytes] = field(default_factory=dict)
    lies_bytes: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def start_mirror() -> Iterator[Callable[[], Mirror]]:
    """Starts mirrors that end with the test."""
    servers = []

    def start() -> Mirror:
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        mirror = Mirror(f"http://127.0.0.1:{server.server_port}/mnist/")
        server.RequestHandlerClass = _handler_of(mirror)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return mirror

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _handler_of(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[1]
            mirror.asked.append(name)
            if name not in mirror.answers:
                self.send_error(404)
                return
            body = mirror.answers[name]
            self.send_response(200)
            self.send_header("Content-Length", str(mirror.lies_bytes.get(name, len(body))))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass  # the tests' output is not the place for a server's log

    return Handler


@pytest.fixture
def mirror(start_mirror: Callable[[], Mirror], contents: dict[str, bytes]) -> Mirror:
    """A mirror that has everything."""
    mirror = start_mirror()
    mirror.answers = {f"{NAMES[key]}.gz": gzip.compress(content) for key, content in contents.items()}
    return mirror


@pytest.fixture
def config(contents: dict[str, bytes]) -> DatasetConfig:
    """The small dataset's configuration, with checksums and without mirrors."""
    return DatasetConfig(
        name="small",
        source="idx",
        cache="data",
        files={
            key: IdxFileConfig(name=NAMES[key], sha256=hashlib.sha256(content).hexdigest())
            for key, content in contents.items()
        },
        classes=10,
        image_shape=[28, 28, 1],
        train_available=6,
        test_available=3,
    )


@pytest.fixture
def put_files(contents: dict[str, bytes]) -> Callable[[Path, bool], None]:
    """Puts the four files into a folder, compressed or not."""

    def put(folder: Path, compressed: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for key, content in contents.items():
            if compressed:
                (folder / f"{NAMES[key]}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / NAMES[key]).write_bytes(content)

    return put


@pytest.fixture
def mnist_config(repository: Path) -> DatasetConfig:
    """The configuration of MNIST that ships."""
    option = OmegaConf.load(repository / "conf" / "dataset" / "mnist.yaml")
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DatasetConfig), option))
    assert isinstance(config, DatasetConfig)
    return config
