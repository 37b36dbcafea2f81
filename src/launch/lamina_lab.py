"""Lamina is written in TypeScript: this starts it on the Deno that PyPI ships."""

import os
import subprocess
import sys
from pathlib import Path

#: Lamina's sources and data. Its deno.json is the import map of programs that import "lamina".
FOLDER = Path(__file__).resolve().parent


def expect_folder(name):
    """Deno would print a backtrace."""
    value = os.environ.get(name) or os.sep
    path = Path(value).absolute()
    if not next(place for place in (path, *path.parents) if place.exists()).is_dir():
        sys.exit(f"lamina: Cannot start: {name} is {value}, expected a folder")


def main():
    expect_folder("HOME")
    expect_folder("DENO_DIR")
    from deno import find_deno_bin

    deno = os.fsdecode(find_deno_bin())
    own = [f"--config={FOLDER / 'deno.json'}", f"--lock={FOLDER / 'deno.lock'}", "--frozen"]
    command = [deno, "run", "-A", "--v8-flags=--max-semi-space-size=2", *own, str(FOLDER / "src" / "cli.ts"), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(deno, command)


if __name__ == "__main__":
    main()
