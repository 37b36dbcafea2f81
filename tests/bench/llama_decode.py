"""The decode benchmark beside llama.cpp: greedy steps by its own functions on a GGUF file, weights as the file stores them.

    python llama_decode.py MODEL.gguf --contexts 64,1024 --steps 48 [--threads 2]

Everything is as llama.cpp sets it (keys and values in F16, flash attention where it has it) but for the threads. The prompt is ids
1 … context modulo the vocabulary, as in hf_decode.py, and is read outside the clock; a step is one token and the argmax of its
logits. Prints JSON: for each context the median milliseconds of a step, after eight that warm up.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "fixtures"))
from llama_cpp import N_BATCH, Context, Model  # noqa: E402

WARM_UP = 8


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--contexts", default="64,1024")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def milliseconds(model, context, steps, threads):
    """Each step's time after a prompt of `context` tokens."""
    opened = Context(model, context + WARM_UP + steps, {N_BATCH: context}, threads)
    token = opened.read([i % opened.size for i in range(1, context + 1)], [context - 1])[0].argmax()
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        token = opened.read([token], [0])[0].argmax()
        times.append(1000 * (time.perf_counter() - start))
    opened.close()
    return times[WARM_UP:]


def main():
    options = arguments()
    model = Model(options.model)
    medians = {
        context: statistics.median(milliseconds(model, int(context), options.steps, options.threads))
        for context in options.contexts.split(",")
    }
    model.close()
    print(json.dumps({"milliseconds": medians, "threads": options.threads}))


if __name__ == "__main__":
    main()
