"""right: what shows progress and logs, installed or not."""

import numpy as np
from loguru import logger
from tqdm import tqdm

np.random.seed(1)
x = np.random.randn(8, 3)
y = np.tanh(x @ np.random.randn(3, 2))
W1, W2 = np.random.randn(3, 5), np.random.randn(5, 2)

logger.info("training")
progress = tqdm(total=100)
for epoch in range(100):
    a1 = np.tanh(x @ W1)
    a2 = a1 @ W2
    loss = np.sum((a2 - y) ** 2)
    d2 = 2 * (a2 - y)
    d1 = d2 @ W2.T * (1 - a1**2)
    W2 -= 0.01 * a1.T @ d2
    W1 -= 0.01 * x.T @ d1
    progress.update(1)
    progress.set_description(f"loss {loss:.3f}")
    logger.debug("epoch {}", epoch)
