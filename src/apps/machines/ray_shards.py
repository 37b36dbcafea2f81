"""The shards of a plan on a Ray cluster: which are handed over, what became of each, what is told of them."""
import collections
import json
import os
import pathlib
import sys
import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import ray_node
from ray_node import NEVER, REFUSED

PATIENCE = 60  # seconds without any machine that fits
INTERVAL = 10  # seconds between lines of progress where they do not go to a terminal
SAID = sys.stderr
TERMINAL = SAID.isatty()


class Stop(Exception):
    """Nothing more can be done; what is done is kept."""


class Driver:
    """A plan on a cluster."""

    def __init__(self, plan, job, args):
        self.plan, self.job, self.args = plan, job, args
        self.results = pathlib.Path(args.results)
        self.done = {s["index"] for s in plan["shards"] if self.files_of(s)}
        self.failed = {}  # index: reason
        self.refused = {}  # machine: reason
        self.tries = collections.Counter()
        self.avoided = collections.defaultdict(set)  # index: machines where it failed
        self.running = {}  # Ray's reference: shard
        self.began = self.told = self.placed = time.monotonic()
        self.computed = 0  # cost of what this driver saw done

    def files_of(self, shard):
        """Names of the files of a shard that is done, the receipt last; none of one that is not."""
        try:
            names = [*json.loads((self.results / shard["file"]).read_bytes())["files"], shard["file"]]
        except (OSError, ValueError, TypeError, KeyError):
            return []
        return names if all((self.results / name).is_file() for name in names) else []

    def run(self):
        """All stages; gives whether every shard is done."""
        for stage in sorted({s["stage"] for s in self.plan["shards"]}):
            waiting = [s for s in self.plan["shards"] if s["stage"] == stage and s["index"] not in self.done]
            waiting.sort(key=lambda s: -s["cost"])
            earlier = ray.put(self.earlier(stage) if waiting else {})
            while waiting or self.running:
                self.submit(waiting, earlier)
                for ref in self.ended():
                    self.take(ref, self.running.pop(ref), waiting)
                self.tell()
            if self.failed:
                break
        self.tell(last=True)
        return len(self.done) == len(self.plan["shards"])

    def ended(self):
        """Tasks that have ended, after a second at most."""
        if self.running:
            return ray.wait(list(self.running), timeout=1)[0]
        time.sleep(1)
        return []

    def earlier(self, stage):
        """The files of all stages before, by name."""
        if self.args.shared:
            return {}
        names = {name for s in self.plan["shards"] if s["stage"] < stage for name in self.files_of(s)}
        return {name: (self.results / name).read_bytes() for name in sorted(names)}

    def slots(self, shard, besides=()):
        """How many shards like this one the cluster can run at once."""
        need = {name: amount for name, amount in needs(shard, self.args).items() if amount > 0}
        machines = [n["Resources"] for n in self.machines if n["Alive"] and n["NodeID"] not in besides]
        return sum(min(int(has.get(name, 0) // amount) for name, amount in need.items()) for has in machines)

    def submit(self, waiting, earlier):
        """Hands shards over to Ray: at most twice what the cluster runs at once."""
        self.machines = ray.nodes()
        self.recall(waiting)
        first = (waiting or list(self.running.values()))[0]
        if self.slots(first, self.refused) > 0:
            self.placed = time.monotonic()
        elif time.monotonic() - self.placed > PATIENCE:
            raise Stop(f"no machine of the cluster offers {self.wanted(first)}")
        for shard in list(waiting):
            if len(self.running) >= 2 * self.slots(shard, self.refused):
                break
            waiting.remove(shard)
            self.running[self.start(shard, earlier)] = shard

    def unfit(self, shard):
        """Machines that a shard rather not goes to: those that were refused, and those where it failed."""
        return set(self.refused) | self.avoided[shard["index"]]

    def recall(self, waiting):
        """Takes back shards whose last machines have gone, while one where they failed is left."""
        for ref, shard in list(self.running.items()):
            if self.slots(shard, self.unfit(shard)) == 0 < self.slots(shard, self.refused):
                ray.cancel(ref)
                waiting.insert(0, self.running.pop(ref))

    def start(self, shard, earlier):
        """One shard as a task of Ray."""
        need = needs(shard, self.args)
        unfit = self.unfit(shard)
        if self.slots(shard, unfit) == 0:
            unfit = set(self.refused)
        places = {"label_selector": {"ray.io/node-id": f"!in({','.join(sorted(unfit))})"}} if unfit else {}
        task = ray.remote(ray_node.compute).options(
            num_cpus=need["CPU"], num_gpus=need["GPU"], memory=need["memory"], max_retries=0, scheduling_strategy="SPREAD", **places
        )
        return task.remote(self.job, shard["index"], shard["file"], earlier)

    def take(self, ref, shard, waiting):
        """What became of a shard."""
        index = shard["index"]
        try:
            code, reason, files, machine, host = ray.get(ref)
        except ray.exceptions.RayError as error:  # its worker or its machine died
            code, reason, files, machine, host = 1, worded(error), {}, None, "its machine"
        if code == 0:
            self.save(files)
            self.done.add(index)
            self.computed += shard["cost"]
        elif code == REFUSED:
            if machine not in self.refused:
                self.refused[machine] = f"{host}: {reason}"
                say(f"{host} is not used: {reason}")
            waiting.insert(0, shard)
        elif code == NEVER or self.tries[index] == self.args.retries:
            self.failed[index] = f"on {host}: {reason}"
        else:
            self.tries[index] += 1
            if machine:
                self.avoided[index].add(machine)
            say(f"{named(shard)} failed on {host}, retrying ({self.tries[index]} of {self.args.retries}): {reason}")
            waiting.insert(0, shard)

    def save(self, files):
        """Writes what a shard left, the receipt last."""
        for name, data in files.items():
            try:
                ray_node.write_whole(self.results / os.path.basename(name), data)
            except OSError as error:
                raise Stop(f"cannot write to {self.results}: {error.strerror}") from error

    def tell(self, last=False):
        """One line of progress."""
        now = time.monotonic()
        if not (last or TERMINAL or now - self.told >= INTERVAL):
            return
        self.told = now
        shards = self.plan["shards"]
        left = sum(s["cost"] for s in shards if s["index"] not in self.done and s["index"] not in self.failed)
        first = next(iter(self.running.values()), None)
        running = min(len(self.running), self.slots(first, self.refused)) if first else 0
        words = [f"{len(self.done)} of {len(shards)} shards done", f"{running} running", f"{len(self.failed)} failed"]
        if left and self.computed:
            words.append(f"about {clock(left * (now - self.began) / self.computed)} left")
        if first and running == 0:
            words.append(f"waiting for a machine with {self.wanted(first)}")
        line = shown(", ".join(words))
        print(f"\r{line}\x1b[K" if TERMINAL else line, end="" if TERMINAL and not last else "\n", file=SAID, flush=True)

    def wanted(self, shard):
        need = needs(shard, self.args)
        words = [f"{need[name]:g} {name}{'s' if need[name] != 1 else ''}" for name in ("CPU", "GPU") if need[name]]
        refused = "".join(f"; not used: {reason}" for reason in self.refused.values())
        return f"{', '.join(words)} and {need['memory'] / 1e9:.2g} GB of memory{refused}"

    def close(self):
        """Says what failed, and removes this plan's folders on the machines where all is done."""
        for index, reason in sorted(self.failed.items()):
            say(f"{named(self.plan['shards'][index])} failed {reason}")
        if len(self.done) < len(self.plan["shards"]):
            return
        tidy = [
            ray.remote(ray_node.tidy).options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(n["NodeID"], soft=False))
            for n in ray.nodes()
            if n["Alive"]
        ]
        ray.wait([task.remote(self.job) for task in tidy], num_returns=len(tidy), timeout=10)


def needs(shard, args):
    """What Ray is asked for."""
    return {"CPU": args.cpus, "GPU": args.gpus, "memory": args.memory or int(shard["bytes"])}


def named(shard):
    return f"shard {shard['index']} ({shard['name']})"


def worded(error):
    """An error of Ray's in a sentence."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0].split('. ')[0]}"


def clock(seconds):
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def say(line):
    line = shown(line)
    print(f"\r{line}\x1b[K" if TERMINAL else line, file=SAID, flush=True)


def shown(text):
    """A line that others had a part in, without characters that act on a terminal instead of being seen."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
