"""TensorFlow in its documentation's way, and nothing of this project: the yardstick for `tf_standard`.

`python plain_tf.py IMAGES.npy LABELS.npy EPOCHS THREADS` prints the seconds of each epoch as a JSON list.
"""

import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

BATCH = 64

images_file, labels_file, epochs, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)

images, labels = np.load(images_file), np.load(labels_file)
dataset = tf.data.Dataset.from_tensor_slices((images, labels)).cache().shuffle(len(images))
dataset = dataset.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2, 2),
        keras.layers.Conv2D(128, 5, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2, 2),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)


class EpochSeconds(keras.callbacks.Callback):
    """Keeps the duration of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Stop it."""
        self.seconds.append(time.perf_counter() - self.start)


timer = EpochSeconds()
model.fit(dataset, epochs=epochs, callbacks=[timer], verbose=0)
print(json.dumps(timer.seconds))
