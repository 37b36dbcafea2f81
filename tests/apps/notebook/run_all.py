"""Sends cells to the kernel all at once, as "Run All" does, and reports what became of each.

usage: run_all.py FOLDER, from the virtual environment of `deno task lab`. FOLDER is where the kernel runs.
Writes one JSON line a situation: its name, and of each cell the status of its reply and what it printed.
"""

import json
import sys
import time

from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

PATIENCE = 60  # s that a reply may take before the kernel counts as hung
BUSY = "console.log('busy'); await new Promise((resolve) => setTimeout(resolve, 3000));"
SETUP = 'import { openModel, profile } from "lamina"; const model = await openModel("smollm2-135m");'
STUDY = 'console.log("busy"); await profile(model, { samples: 64, length: 2048 });'
LINES = "for (let i = 0; i < 3000; i++) console.log(i);"
ERRORS = "for (let i = 0; i < 300; i++) console.error(i);"
SHORT = "await profile(model, { samples: 1, length: 32 }); console.log('measured');"


def run_all(manager, client, codes, stop=False, **options):
    """Sends all cells; presses the stop button, where wanted, once the first has printed."""
    ids = [client.execute(code, **options) for code in codes]
    cells = {id: {"status": None, "printed": "", "idle": False} for id in ids}
    while not all(cell["idle"] for cell in cells.values()):
        message = client.get_iopub_msg(timeout=PATIENCE)
        cell = cells.get(message["parent_header"].get("msg_id"))
        if cell is None:
            continue
        cell["printed"] += message["content"].get("text", "")
        cell["idle"] |= message["content"].get("execution_state") == "idle"
        if stop and "busy" in cell["printed"]:
            manager.interrupt_kernel()
            stop = False
    while any(cell["status"] is None for cell in cells.values()):
        message = client.get_shell_msg(timeout=PATIENCE)
        cell = cells.get(message["parent_header"].get("msg_id"))
        if cell is not None:
            cell["status"] = message["content"]["status"]
    return [[cell["status"], cell["printed"].strip()] for cell in cells.values()]


def forge(manager):
    """Sends a cell that is signed with another key."""
    info = manager.get_connection_info(session=False)
    client = BlockingKernelClient()
    client.load_connection_info({**info, "key": b"another"})
    client.start_channels()
    client.execute("console.log('forged')")
    time.sleep(0.5)
    client.stop_channels()


def main(folder):
    manager, client = start_new_kernel(kernel_name="lamina", cwd=folder)

    def tell(situation, codes, **options):
        print(json.dumps([situation, run_all(manager, client, codes, **options)]), flush=True)

    try:
        many = [f"console.log({i})" for i in range(30)]
        tell("stopped before Lamina is imported", [BUSY, "console.log(1)"], stop=True)
        tell("afterwards", ["console.log(1)"])
        tell("failed", ["console.log(1)", "throw new Error('2')", "console.log(3)", "console.log(4)"])
        tell("failed at once", ["throw new Error('1')", *many])
        tell("may fail", ["throw new Error('1')", "console.log(2)"], stop_on_error=False)
        forge(manager)
        tell("afterwards", ["console.log(1)", "console.log('x'.repeat(1e6).length)"])
        tell("many lines", [LINES, ERRORS, LINES, "console.log('x'.repeat(3e6))", "console.log(1)"])
        tell("set up", [SETUP])
        tell("study stopped", [STUDY, SHORT], stop=True)
        tell("study afterwards", [SHORT])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main(sys.argv[1])
