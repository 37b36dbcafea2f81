"""Runs the shards of a study on a Ray cluster and merges their results.

    data/ray/bin/python src/apps/machines/ray_driver.py plan.json --results DIR

Ray (requirements.txt) places the shards; each is a child process, `lamina shard - --index I`, in a folder of its machine. Its files come
back as bytes, no shared folder is needed, and are written below DIR by rename, the receipt last: a driver that is started again goes on
where the last one was. What died is tried again elsewhere; that is the driver's part, not Ray's, since it knows where a shard failed.
Every machine needs Ray of the same version and Lamina of the plan's: this checkout at the same path, or what its variable LAMINA runs.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import ray
import ray.cloudpickle

sys.dont_write_bytecode = True  # beside these files: an installed copy stays as it was unpacked

import ray_node
from ray_shards import Driver, Stop, say, shown, worded


def arguments():
    parser = argparse.ArgumentParser(description="Run the shards of a plan on a Ray cluster and merge their results.")
    parser.add_argument("plan", help="plan written by lamina shards")
    parser.add_argument("--results", required=True, metavar="DIR", help="folder for results; finished shards are not run again")
    parser.add_argument("--json", metavar="FILE", help="file for the merged result (default: PLAN-result.json, next to the plan)")
    parser.add_argument("--address", default="auto", metavar="HOST:PORT", help="address of the cluster; auto: the one on this machine")
    parser.add_argument("--cpus", type=int, default=2, metavar="N", help="CPUs and threads per shard (default: 2)")
    parser.add_argument("--gpus", type=float, default=0, metavar="N", help="GPUs per shard; fractions are allowed (default: 0)")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="memory per shard (default: as in the plan)")
    parser.add_argument("--retries", type=int, default=3, metavar="N", help="how often a failed shard is retried (default: 3)")
    parser.add_argument("--shared", action="store_true", help="DIR is the same folder on every machine; no files are sent")
    parser.add_argument("--lamina", metavar="COMMAND", help='command that runs Lamina on every machine (default: its variable LAMINA, else this checkout)')
    args = parser.parse_args()
    for name, least in (("cpus", 1), ("gpus", 0), ("retries", 0)):
        if getattr(args, name) < least:
            parser.error(f"--{name} is {getattr(args, name)}, expected {least} or more")
    return args


def read_plan(path):
    try:
        data = pathlib.Path(path).read_bytes()
        plan = json.loads(data)
    except (OSError, ValueError) as error:
        raise Stop(f"cannot read {path}: {error}") from error
    if not isinstance(plan, dict) or plan.get("kind") != "shards":
        raise Stop(f"cannot use {path}: expected a plan written by lamina shards")
    if not has_safe_names(plan):
        raise Stop(f"cannot use {path}: found an invalid key or receipt name, expected a plan written by lamina shards")
    return plan, data


def has_safe_names(plan):
    """Whether the key and the names of receipts, which become parts of paths, are such as lamina shards writes."""
    try:
        names = [shard["file"] for shard in plan["shards"]]
        return bool(re.fullmatch("[0-9a-f]+", plan["key"])) and all(re.fullmatch(r"shard-[\w.-]+\.json", name) for name in names)
    except (KeyError, TypeError):
        return False


def connect(address):
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Stop(f"cannot reach a Ray cluster at {address}: {worded(error)}; start one with ray start --head") from error


def merge(job, args):
    """Joins all shards on this machine; gives the exit code."""
    out = args.json or f"{args.plan.removesuffix('.json')}-result.json"
    lamina, cwd = ray_node.lamina_here(job)
    paths = ["merge", os.path.abspath(args.plan), "--results", os.path.abspath(args.results), "--json", os.path.abspath(out)]
    code = subprocess.run([*lamina, *paths], stdout=subprocess.DEVNULL, cwd=cwd).returncode
    if code == 0:
        print(shown(f"wrote the result to {out}"))
    return code


def main():
    args = arguments()
    plan, data = read_plan(args.plan)
    results = pathlib.Path(args.results).absolute()
    results.mkdir(parents=True, exist_ok=True)
    job = {
        "plan": data,
        "key": plan["key"],
        "version": plan["lamina"],
        "lamina": args.lamina,
        "root": str(pathlib.Path(__file__).resolve().parents[3]),
        "cwd": os.getcwd(),
        "cpus": args.cpus,
        "gpus": args.gpus,
        "shared": str(results) if args.shared else None,
    }
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):  # Ray's own words
        connect(args.address)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        ray.cloudpickle.register_pickle_by_value(ray_node)
        driver = Driver(plan, job, args)
        whole = driver.run()
        driver.close()
        ray.shutdown()
    return merge(job, args) if whole else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        say(f"ray_driver: {stop}; finished shards are kept")
        sys.exit(1)
    except KeyboardInterrupt:
        say("Stopped; finished shards are kept")
        sys.exit(130)
