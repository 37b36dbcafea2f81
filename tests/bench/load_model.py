"""Load a Hugging Face folder, or a GGUF file of the Llama or Gemma 3 family, as a float32 model in PyTorch.

The GGUF path dequantises with the `gguf` package and undoes what llama.cpp's converter did: Q and K rows of the Llama
family back from interleaved pairs to halves, Gemma's norm weights back from w + 1 to w. transformers reads both
files too (with `accelerate`) and gives equal weights; this reader is shorter to load and needs one package less.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

sys.path.append(str(Path(__file__).parent.parent / "fixtures"))  # taps.py, for the scripts beside this one
logging.disable_progress_bar()

OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LLAMA = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
GEMMA3 = LLAMA | {
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def load(path, attention="sdpa"):
    """A causal language model, float32, in eval mode. `path`: a folder in Hugging Face layout or a .gguf file."""
    if Path(path).suffix != ".gguf":
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation=attention)
        return model.eval()
    reader = gguf.GGUFReader(path)
    family = reader.fields["general.architecture"].contents()
    model, configure, names = FAMILIES[family]
    config = configure(fields(reader, family), reader)
    weights = {hugging_face_name(t.name, names): weight(t, family, config) for t in reader.tensors}
    return model.from_pretrained(
        None, config=config, state_dict=weights, dtype=torch.float32, attn_implementation=attention
    ).eval()


def add_device_options(parser):
    """Where a model runs, and what its products are computed in; as Lamina's options of the same names."""
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")


def arithmetic(device, precision):
    """A context in which products are computed in a precision; the residual stream stays float32."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    return torch.autocast(device, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def finish(device):
    """Wait for what a device still does."""
    if device == "cuda":
        torch.cuda.synchronize()


def read_ids(path, samples, length):
    """The first samples × length ids of a file of little-endian int32, [N, T]."""
    ids = np.fromfile(path, dtype="<i4", count=samples * length)
    assert ids.size == samples * length, f"{path} holds {ids.size} ids, expected {samples * length}"
    return torch.from_numpy(ids.reshape(samples, length).astype(np.int64))


def fields(reader, family):
    """The family's metadata without its prefix."""
    prefix = f"{family}."
    return {key.removeprefix(prefix): f.contents() for key, f in reader.fields.items() if key.startswith(prefix)}


def common(meta, reader):
    embedding = next(t for t in reader.tensors if t.name == "token_embd.weight")
    return dict(
        vocab_size=int(embedding.shape[1]),
        hidden_size=meta["embedding_length"],
        intermediate_size=meta["feed_forward_length"],
        num_hidden_layers=meta["block_count"],
        num_attention_heads=meta["attention.head_count"],
        num_key_value_heads=meta["attention.head_count_kv"],
        max_position_embeddings=meta["context_length"],
        rms_norm_eps=meta["attention.layer_norm_rms_epsilon"],
        tie_word_embeddings=all(t.name != "output.weight" for t in reader.tensors),
    )


def llama_config(meta, reader):
    rope = {"rope_type": "default", "rope_theta": meta["rope.freq_base"]}
    return LlamaConfig(**common(meta, reader), rope_parameters=rope)


def gemma3_config(meta, reader):
    """GGUF names neither the local rope base nor the pattern of windows: 10000, and every sixth layer global."""
    return Gemma3TextConfig(
        **common(meta, reader),
        head_dim=meta["attention.key_length"],
        query_pre_attn_scalar=meta["attention.key_length"],
        sliding_window=meta["attention.sliding_window"],
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": meta["rope.freq_base"]},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    )


def hugging_face_name(name, names):
    if not name.startswith("blk."):
        stem, suffix = name.split(".")
        return f"{OUTER[stem]}.{suffix}"
    _, layer, stem, suffix = name.split(".")
    return f"model.layers.{layer}.{names[stem]}.{suffix}"


def weight(tensor, family, config):
    values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    if family == "llama" and ".attn_q." in tensor.name:
        values = halves(values, config.num_attention_heads)
    if family == "llama" and ".attn_k." in tensor.name:
        values = halves(values, config.num_key_value_heads)
    if family == "gemma3" and "norm" in tensor.name:
        values = values - 1
    return torch.from_numpy(np.ascontiguousarray(values))


def halves(rows, heads):
    """Rows of each head from pairs (2i, 2i + 1) to halves (i, i + E/2)."""
    return rows.reshape(heads, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


FAMILIES = {
    "llama": (LlamaForCausalLM, llama_config, LLAMA),
    "gemma3": (Gemma3ForCausalLM, gemma3_config, GEMMA3),
}
