"""Executes a notebook from its first cell to its last, or to the first that fails.

usage: execute.py NOTEBOOK RESULT, from the virtual environment of `lamina lab`. Writes into RESULT, as JSON, the notebook with the
outputs of the cells that ran, and why it did not run to its end.
"""

import json
import os
import signal
import sys
import threading
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

DAY = 86_400  # s that outputs may take after a cell's answer; by default nbclient drops what takes more than 4


def run(path, notebook):
    """Runs a notebook's cells in its folder; why it stopped early, or None."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("lamina", None)
    client = NotebookClient(
        notebook,
        kernel_name="lamina",
        timeout=None,
        iopub_timeout=DAY,
        record_timing=False,  # equal runs give equal files
        resources={"metadata": {"path": os.path.dirname(os.path.abspath(path))}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return f"cell {client.code_cells_executed} failed with {error.ename}: {error.evalue}"
    except DeadKernelError:
        return f"the kernel ended in cell {client.code_cells_executed + 1}"
    return None


def end_with(parent):
    """Ends the kernel and this process, as SIGTERM does, when nobody is left to read the result."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(path, result):
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    notebook = stored = None
    try:
        notebook = nbformat.read(path, as_version=4)
        failure = run(path, notebook)
        stored = json.loads(nbformat.writes(notebook))
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    with open(result, "w", encoding="utf-8") as file:
        json.dump({"notebook": stored, "failure": failure}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
