"""The benchmark's baseline: one hooked float32 pass in PyTorch, as one would write it to be fast.

    python hooked_pass.py MODEL --ids FILE --samples N --length T [--threads 2] [--attn sdpa|eager] [--batch 1]
        [--device cuda] [--precision float32|tf32|bfloat16]

MODEL is a .gguf file or a folder in Hugging Face layout; FILE holds N × T token ids, int32, little-endian. Forward hooks take
x, a and m of each layer and reduce them at once; there is no cache, no head and no state kept. Prints JSON; `seconds`
is the pass alone, without loading, after one short pass that warms the libraries up; `peak_rss_mb` likewise (Linux).
"""

import argparse
import json
import time
from pathlib import Path

import torch

from load_model import add_device_options, arithmetic, finish, load, read_ids
from taps import KINDS, decoder, dot, is_parallel, norm, observed, run


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--ids", required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--attn", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--batch", type=int, default=1, help="samples per pass")
    add_device_options(parser)
    return parser.parse_args()


def reducer(layers, device):
    """Sums over tokens, [5] for each layer (cosines of three modules, magnitudes of two), and the hook that adds to them."""
    sums = [torch.zeros(5, dtype=torch.float64, device=device) for _ in layers]

    def see(l, x, a, m, y):
        h = x if is_parallel(layers[l]) else x + a  # what the MLP adds to
        after_mlp = h + m if is_parallel(layers[l]) else y
        after_attention = x + a if is_parallel(layers[l]) else h
        nx, nh, na, nm = (norm(t) for t in (x, h, a, m))
        per_token = (
            dot(x, after_attention) / (nx * norm(after_attention)),
            dot(h, after_mlp) / (nh * norm(after_mlp)),
            dot(x, y) / (nx * norm(y)),
            na / nx,
            nm / nh,
        )
        sums[l] += torch.stack([values.sum(dtype=torch.float64) for values in per_token])

    return sums, see


def forget_peak():
    """Loading needs the weights twice for a moment; start counting again."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_rss_mb():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    device = options.device
    model = load(options.model, options.attn).to(device)
    ids = read_ids(options.ids, options.samples, options.length).to(device)
    with torch.inference_mode(), arithmetic(device, options.precision):
        run(model, ids[:1, :64])
        sums, see = reducer(decoder(model).layers, device)
        with observed(model, see):
            forget_peak()
            finish(device)
            start, cpu = time.perf_counter(), time.process_time()
            for batch in ids.split(options.batch):
                run(model, batch)
            finish(device)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    means = torch.stack(sums) / ids.numel()
    result = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "samples": options.samples,
        "tokens": ids.numel(),
        "threads": options.threads,
        "attention_kernel": options.attn,
        "batch": options.batch,
        "torch": torch.__version__,
        "peak_rss_mb": peak_rss_mb(),
    }
    for i, module in enumerate(KINDS):
        result[module] = {"importance": (1 - means[:, i]).tolist()}
    result["attention"]["relativeMagnitude"] = means[:, 3].tolist()
    result["mlp"]["relativeMagnitude"] = means[:, 4].tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
