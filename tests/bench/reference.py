"""What Hugging Face says of a model: every module's importance, magnitude and sign, and its words with modules dropped.

    python reference.py MODEL --ids FILE --samples N --length T [--drop-attention 1,2] [--drop-mlp 3] [--drop-block 4]

MODEL is a .gguf file or a folder in Hugging Face layout; FILE holds N × T token ids, int32, little-endian. States are
float32, everything made of them float64. Prints JSON: `attention`, `mlp`, `block` with `importance`,
`relativeMagnitude` and `sign` [L] of the full model; `full` and `dropped` with `nll` (nats per predicted token, each
sample predicts its tokens 1…T−1), `perplexity`, `kl` (full ‖ this, per token) and `top1` (share of equal argmax).
"""

import argparse
import json
import math

import torch

from load_model import load, read_ids
from taps import Sums, decoder, dropped, is_parallel, observed, quality, run

# Positions whose logits exist at a time: 64 × 262144 × 8 bytes are 134 MB.
CHUNK = 64


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--ids", required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--attn", choices=("sdpa", "eager"), default="sdpa")
    for kind in ("attention", "mlp", "block"):
        parser.add_argument(f"--drop-{kind}", type=layer_list, default=[], help="layers, 0-based: 1,2")
    return parser.parse_args()


def layer_list(text):
    return [int(l) for l in text.split(",") if l]


def hidden(model, ids):
    """The final hidden state after its norm [N, T, D], one sample at a time."""
    return torch.cat([run(model, sample) for sample in ids.split(1)])


def head(model, states):
    """Logits of some states [P, D]."""
    logits = model.get_output_embeddings()(states)
    cap = getattr(model.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def words(model, states, full, ids):
    """Quality of the model whose final states these are, beside the full model."""
    sums, targets = torch.zeros(3, dtype=torch.float64), ids[:, 1:].flatten()
    states, full = (t[:, :-1].flatten(0, 1) for t in (states, full))
    for s, f, t in zip(states.split(CHUNK), full.split(CHUNK), targets.split(CHUNK)):
        sums += quality(head(model, s), head(model, f), t)
    nll, kl, top1 = (sums / len(targets)).tolist()
    return {"nll": nll, "perplexity": math.exp(nll), "kl": kl, "top1": top1, "tokens": len(targets)}


def main():
    options = arguments()
    model = load(options.model, options.attn)
    ids = read_ids(options.ids, options.samples, options.length)
    layers = decoder(model).layers
    sums = Sums(len(layers))
    with torch.inference_mode():
        with observed(model, lambda l, x, a, m, _y: sums.add(l, x, a, m, is_parallel(layers[l]))):
            full = hidden(model, ids)
        result = {**sums.means(), "full": words(model, full, full, ids)}
        plan = {
            "attention": sorted({*options.drop_attention, *options.drop_block}),
            "mlp": sorted({*options.drop_mlp, *options.drop_block}),
        }
        if plan["attention"] or plan["mlp"]:
            with dropped(model, **plan):
                result["dropped"] = {**plan, **words(model, hidden(model, ids), full, ids)}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
