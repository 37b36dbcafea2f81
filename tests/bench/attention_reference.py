"""Statistics of attention patterns by Hugging Face's `output_attentions`, for one text; causes_bench.ts compares.

    python attention_reference.py MODEL --ids FILE --length T --out FILE

MODEL is a .gguf file or a folder in Hugging Face layout; `--ids` holds T token ids, int32, little-endian. Written are
[L, 7, H, T] float64, little-endian, statistics in the order of tests/fixtures/attention_stats.py. Eager attention in
float32 keeps every layer's [H, T, T]: SmolLM2 at T = 512 takes 280 MB of them.
"""

import argparse

import torch

from load_model import load, read_ids
from attention_stats import stats_of


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--ids", required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def main():
    options = arguments()
    model = load(options.model, attention="eager")
    ids = read_ids(options.ids, 1, options.length)
    with torch.inference_mode():
        attentions = model(ids, use_cache=False, output_attentions=True).attentions
    kinds = getattr(model.config, "layer_types", None) or ["full_attention"] * len(attentions)
    layers = []
    for attention, kind in zip(attentions, kinds):
        window = model.config.sliding_window if kind == "sliding_attention" else None
        layers.append(torch.stack(list(stats_of(attention[0], list(range(options.length)), window).values())))
    torch.stack(layers).numpy().astype("<f8").tofile(options.out)


if __name__ == "__main__":
    main()
