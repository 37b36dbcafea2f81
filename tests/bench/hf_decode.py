"""The decode benchmark's baseline: greedy steps with a cache in PyTorch, float32, as one would write the loop by hand.

    python hf_decode.py MODEL --contexts 64,1024 --steps 48 [--threads 2] [--attn sdpa|eager]
        [--device cuda] [--precision float32|tf32|bfloat16]

MODEL is a .gguf file or a folder in Hugging Face layout. The prompt is ids 1 … context modulo the vocabulary: speed does
not depend on what they say. The prompt fills the cache outside the clock; then each step is one call of the model
with one token and the argmax of its logits. Prints JSON: for each context the median milliseconds of a step, after
eight that warm up. `model.generate` makes the same calls and does more beside them.
"""

import argparse
import json
import statistics
import time

import torch
from transformers import DynamicCache

from load_model import add_device_options, arithmetic, load

WARM_UP = 8


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--contexts", default="64,1024")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--attn", choices=("sdpa", "eager"), default="sdpa")
    add_device_options(parser)
    return parser.parse_args()


def milliseconds(model, context, steps):
    """Each step's time after a prompt of `context` tokens."""
    ids = torch.arange(1, context + 1, device=model.device)[None] % model.config.vocab_size
    cache = DynamicCache(config=model.config)
    out = model(ids, cache=cache, logits_to_keep=1)
    times = []
    for _ in range(WARM_UP + steps):
        token = out.logits[:, -1:].argmax(-1)
        start = time.perf_counter()
        out = model(token, cache=cache)
        out.logits[:, -1:].argmax(-1).item()
        times.append(1000 * (time.perf_counter() - start))
    return times[WARM_UP:]


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    model = load(options.model, options.attn).to(options.device)
    with torch.inference_mode(), arithmetic(options.device, options.precision):
        medians = {
            context: statistics.median(milliseconds(model, int(context), options.steps))
            for context in options.contexts.split(",")
        }
    print(json.dumps({"milliseconds": medians, "threads": options.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
