"""Make a random mixture of OLMoE's shape, scaled down to about 1 GB of BF16: python make_mixture.py FOLDER [--layers 8]"""

import argparse

import torch
from transformers import AutoModelForCausalLM, OlmoeConfig

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder")
parser.add_argument("--layers", type=int, default=8)
options = parser.parse_args()
torch.manual_seed(1)
config = OlmoeConfig(
    vocab_size=8192,
    hidden_size=1024,
    intermediate_size=512,
    num_hidden_layers=options.layers,
    num_attention_heads=16,
    num_key_value_heads=16,
    num_experts=32,
    num_experts_per_tok=8,
)
model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
for layer in model.model.layers:  # a router of zeros would send all tokens to the same experts
    torch.nn.init.normal_(layer.mlp.gate.weight, std=0.02)
model.save_pretrained(options.folder)
