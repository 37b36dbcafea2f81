"""Presses the stop button of a study, longer than all rounds together, at random moments and asks the kernel for what it kept.

usage: stop.py ROUNDS FOLDER, from the virtual environment of `deno task lab`. FOLDER is where the kernel runs.
Writes one JSON line a round: when it was pressed, how the study ended, how long until the next cell answered.
"""

import json
import random
import sys
import time

from jupyter_client.manager import start_new_kernel

SETUP = """
import { openModel, profile, show } from "lamina";
const model = await openModel("smollm2-135m");
let rounds = 0;
await show("ready");
"""
STUDY = """
rounds++;
await profile(rounds % 2 ? model : "smollm2-135m", { samples: 200 });
"""
NEXT = "console.log(`kept ${rounds} ${model.spec.layers.length}`);"
PATIENCE = 60  # s that a reply may take before the round counts as hung


def run(client, code):
    """Runs a cell to its end: the reply, and the text it printed."""
    printed = []
    hook = lambda message: printed.append(message["content"].get("text", ""))
    return client.execute_interactive(code, output_hook=hook, timeout=PATIENCE)["content"], "".join(printed)


def press(manager, client, round):
    """Starts a study, stops it, and runs the next cell."""
    seconds = random.uniform(0.1, 4)
    study = client.execute(STUDY)
    time.sleep(seconds)
    pressed = time.monotonic()
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=PATIENCE))["parent_header"].get("msg_id") != study:
        pass
    ended = time.monotonic()
    _, kept = run(client, NEXT)
    return {
        "round": round,
        "pressedAfter": seconds,
        "status": reply["content"]["status"],
        "error": reply["content"].get("ename", ""),
        "ended": ended - pressed,
        "answered": time.monotonic() - pressed,
        "kept": kept.strip(),
    }


def main(rounds, folder):
    manager, client = start_new_kernel(kernel_name="lamina", cwd=folder)
    try:
        setup, _ = run(client, SETUP)
        if setup["status"] != "ok":
            sys.exit(f"Cannot set up: {setup}")
        for round in range(1, rounds + 1):
            print(json.dumps(press(manager, client, round)), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
