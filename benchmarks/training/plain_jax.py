"""JAX in the flax documentation's way, and nothing of this project: the yardstick for `jax_standard`.

`python plain_jax.py IMAGES.npy LABELS.npy EPOCHS THREADS` prints the seconds of each epoch as a JSON list.
"""

import json
import os
import sys
import time
from functools import partial

images_file, labels_file, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["NPROC"] = sys.argv[4]

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from flax import nnx  # noqa: E402

BATCH = 64


class CNN(nnx.Module):
    """Two convolutions and a dense layer."""

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        self.conv1 = nnx.Conv(1, 64, kernel_size=(3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(64, 128, kernel_size=(5, 5), rngs=rngs)
        self.max_pool = partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))
        self.linear = nnx.Linear(6272, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Logits of a batch of images."""
        x = self.max_pool(nnx.relu(self.conv1(x)))
        x = self.max_pool(nnx.relu(self.conv2(x)))
        return self.linear(x.reshape(x.shape[0], -1))


def loss_fn(model: CNN, x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean cross-entropy of a batch."""
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def train_step(model: CNN, optimizer: nnx.Optimizer[CNN], x: jax.Array, y: jax.Array) -> jax.Array:
    """One step, in place; the batch's loss."""
    loss, grads = nnx.value_and_grad(loss_fn)(model, x, y)
    optimizer.update(model, grads)
    return loss


images, labels = jnp.asarray(np.load(images_file)), jnp.asarray(np.load(labels_file))
model = CNN(rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
generator = np.random.default_rng(0)

seconds = []
for _ in range(epochs):
    start = time.perf_counter()
    total = jnp.zeros(())
    batches = generator.permutation(len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH)
    for batch in batches:
        total += train_step(model, optimizer, images[batch], labels[batch])
    total.block_until_ready()
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
