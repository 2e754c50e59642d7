"""Random numbers that belong to an epoch: what it draws follows from (seed, epoch), not from the epochs before it.

Ultralytics seeds a training once. An epoch of a resumed training would then see other pictures than that of a training
that was never stopped.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import torch


def seed_of(seed: int, epoch: int) -> int:
    """The seed of an epoch (counted from 0) of a training, 0 to 2^32 - 1; neighbours have nothing in common."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:4], "little")


def seed_epoch(seed: int, epoch: int, loader: Any) -> None:
    """Seed all that an epoch draws from: Python, NumPy, torch, the order of the pictures and the loader's workers.

    Args:
        seed: Of the training.
        epoch: Counted from 0.
        loader: Ultralytics' loader of the training pictures.
    """
    number = seed_of(seed, epoch)
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    loader.generator.manual_seed(number)
    loader.reset()  # workers have drawn ahead
    _refill(loader.dataset)


def _refill(dataset: Any) -> None:
    """Fill the buffer from which mosaics take their pictures, which would hold those that were read last.

    Pictures in it are kept in memory, unless all are: a picture that leaves it has to go there, too.
    """
    if dataset.cache != "ram":
        for index in dataset.buffer:
            dataset.ims[index] = dataset.im_hw0[index] = dataset.im_hw[index] = None
    size = max(0, dataset.max_buffer_length - 1)
    dataset.buffer[:] = np.random.permutation(dataset.ni)[:size].tolist() if dataset.cache != "ram" else []
