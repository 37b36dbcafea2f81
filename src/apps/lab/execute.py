"""Executes a notebook from its first cell to its last, or to the first that fails.

usage: execute.py NOTEBOOK PARENT, from the virtual environment of `lamina lab`. Prints JSON lines: before each cell that runs, its number and how
many there are; at the end the notebook with the outputs of the cells that ran, and why it did not run to its end.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

NO_NOTEBOOK = 'found other JSON than a notebook, expected an object with a list "cells"'
DAY = 86_400  # s that outputs may take after a cell's answer; by default nbclient drops what takes more than 4


def run(path, notebook, say):
    """Runs a notebook's cells in its folder; why it stopped early, or None."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    cells = sum(1 for cell in code if cell.source.strip())  # the others do not run
    notebook.metadata.pop("lamina", None)
    client = NotebookClient(
        notebook,
        kernel_name="lamina",
        timeout=None,
        iopub_timeout=DAY,
        record_timing=False,  # equal runs give equal files
        on_cell_execute=lambda **_: say({"cell": client.code_cells_executed + 1, "cells": cells}),
        resources={"metadata": {"path": os.path.dirname(os.path.abspath(path))}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return f"cell {client.code_cells_executed} failed with {error.ename}: {error.evalue}"
    except DeadKernelError:
        return f"the kernel ended in cell {client.code_cells_executed}"
    return None


def end_with(parent):
    """Ends the kernel and this process, as SIGTERM does, when nobody is left to read the result."""
    while os.name == "nt" or os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(path, parent):
    threading.Thread(target=end_with, args=[int(parent)], daemon=True).start()
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # for the kernel's process, which may print anything

    def say(line):
        with contextlib.suppress(BrokenPipeError):  # who reads may have been killed
            print(json.dumps(line), file=lines, flush=True)

    notebook = stored = None
    try:
        notebook = nbformat.read(path, as_version=4)
        failure = run(path, notebook, say)
        stored = json.loads(nbformat.writes(notebook))
    except BaseException as error:  # what ends a kernel that starts, too
        odd = notebook is None and isinstance(error, (AttributeError, TypeError))
        failure = NO_NOTEBOOK if odd else f"{type(error).__name__}: {error}"
    say({"notebook": stored, "failure": failure})


if __name__ == "__main__":
    main(*sys.argv[1:])
