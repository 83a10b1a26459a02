"""PyTorch in its documentation's way, and nothing of this project: the yardstick for `torch_standard`.

`python plain_torch.py IMAGES.npy LABELS.npy EPOCHS THREADS` prints the seconds of each epoch as a JSON list.
"""

import json
import sys
import time

import numpy as np
import torch
from torch import nn

BATCH = 64

images_file, labels_file, epochs, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.set_num_interop_threads(threads)

images = torch.from_numpy(np.load(images_file)).permute(0, 3, 1, 2).contiguous()
labels = torch.from_numpy(np.load(labels_file))

model = nn.Sequential(
    nn.Conv2d(1, 64, 3, padding="same"),
    nn.ReLU(),
    nn.MaxPool2d(2, 2),
    nn.Conv2d(64, 128, 5, padding="same"),
    nn.ReLU(),
    nn.MaxPool2d(2, 2),
    nn.Flatten(),
    nn.Linear(6272, 10),
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

seconds = []
for _ in range(epochs):
    start = time.perf_counter()
    total = torch.zeros(())
    batches = torch.randperm(len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH)
    for batch in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        total += loss.detach()
    total.item()
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
