"""What a model must beat to have learned anything: unigram and bigram on the same tokens, in nats per token.

Both are fitted to the training blocks and scored where the transformer is: on the tokens 1…T−1 of each held-out block.
"""

import numpy as np


def unigram_loss(train, held_out, vocabulary):
    """Relative frequencies with one added to each count."""
    counts = np.bincount(train.reshape(-1), minlength=vocabulary) + 1
    return float(-np.log(counts / counts.sum())[held_out[:, 1:]].mean())


def bigram_loss(train, held_out, vocabulary):
    """Interpolated Kneser–Ney with one absolute discount n1/(n1 + 2 n2), the strongest of the plain bigrams.

    Kneser and Ney 1995; a word's lower-order probability is the share of distinct words it follows, one added.
    """
    pairs = train[:, :-1].astype(np.int64) * vocabulary + train[:, 1:]
    counts = np.bincount(pairs.reshape(-1), minlength=vocabulary**2).reshape(vocabulary, vocabulary)
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    discount = once / (once + 2 * twice)
    continuation = (counts > 0).sum(axis=0) + 1
    lower = continuation / continuation.sum()

    before, after = held_out[:, :-1], held_out[:, 1:]
    total = counts.sum(axis=1)
    spared = np.where(total > 0, discount * (counts > 0).sum(axis=1) / np.maximum(total, 1), 1.0)
    kept = np.maximum(counts[before, after] - discount, 0) / np.maximum(total, 1)[before]
    return float(-np.log(kept + spared[before] * lower[after]).mean())
