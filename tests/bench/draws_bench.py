"""Whether texts that `generate` drew (draws_bench.ts) have the model's exact distribution, by Hugging Face transformers in float64.

    python draws_bench.py FOLDER

All texts of up to four tokens are listed with their probabilities. For each token: χ² of the token, χ² of the text up to it (cells with less than
five expected draws are one), and the randomised probability integral transform of the token given the text before it, against the uniform
distribution (Kolmogorov-Smirnov). A text that ended has the end as each later token.
"""

import json
import sys

import numpy as np
import torch
from scipy import stats
from transformers import AutoModelForCausalLM

MOST = 4
folder = sys.argv[1]
told = json.load(open(f"{folder}/draws.json"))
words, end = told["words"], json.load(open(f"{folder}/config.json"))["eos_token_id"]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()


@torch.no_grad()
def distributions(texts):
    """p of the token behind each text [n, k]: [n, words]."""
    prompt = np.tile(told["prompt"], (len(texts), 1))
    ids = torch.tensor(np.hstack([prompt, texts]), dtype=torch.long)
    z = torch.cat([model(part).logits[:, -1, :words] for part in ids.split(4096)]).numpy() / told["temperature"]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    if told["topP"] < 1:
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, axis=1)
        before = np.cumsum(ranked, axis=1) - ranked
        kept = np.where(before < told["topP"], ranked, 0)
        np.put_along_axis(p, order, kept / kept.sum(axis=1, keepdims=True), axis=1)
    return p


# conditional[k][prefix] is p of token k given a text of k tokens, its tokens the digits of a number to the base `words`.
conditional, joint = [], np.ones(1)
joints = []
for k in range(MOST):
    prefixes = np.stack(np.unravel_index(np.arange(words**k), (words,) * k), axis=1) if k else np.zeros((1, 0), int)
    p = distributions(prefixes)
    p[(prefixes == end).any(axis=1)] = np.eye(words)[end]
    conditional.append(p)
    joint = (joint[:, None] * p).ravel()
    joints.append(joint)


def chi_square(seen, share, draws):
    many = share * draws >= 5
    found = np.append(seen[many], seen[~many].sum())
    expected = np.append(share[many], share[~many].sum()) * draws
    if expected[-1] < 5:  # too little for a cell of its own
        found, expected = found[:-1], expected[:-1]
        expected *= found.sum() / expected.sum()
    return stats.chisquare(found, expected).pvalue, len(found)


for name, texts in told["texts"].items():
    draws = len(texts)
    ids = np.array([(text + [end] * MOST)[:MOST] for text in texts])
    uniform = np.random.default_rng(0)
    for k in range(MOST):
        place = np.zeros(draws, int)
        for j in range(k):
            place = place * words + ids[:, j]
        p = conditional[k][place]
        own = np.take_along_axis(p, ids[:, k : k + 1], axis=1)[:, 0]
        assert (own > 0).all(), f"{name}: a token {k + 1} of probability 0"
        below = np.cumsum(p, axis=1)[np.arange(draws), ids[:, k]] - own
        open_ = ~(ids[:, :k] == end).any(axis=1)
        pit = stats.kstest((below + uniform.random(draws) * own)[open_], "uniform").pvalue
        shares = joints[k].reshape(-1, words).sum(axis=0)
        token = chi_square(np.bincount(ids[:, k], minlength=words), shares, draws)
        text = chi_square(np.bincount(place * words + ids[:, k], minlength=words ** (k + 1)), joints[k], draws)
        print(
            f"{name}, token {k + 1}: χ² p {token[0]:.3f} ({token[1]} cells), text up to it p {text[0]:.3f} ({text[1]} cells), PIT p {pit:.3f}"
        )
