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


def say_first():
    """Announces the downloads of a first start in one line; Deno alone would print one for each package."""
    usual = {"darwin": Path.home() / "Library" / "Caches", "win32": Path(os.environ.get("LOCALAPPDATA", Path.home()))}
    caches = usual.get(sys.platform, Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"))
    cache = Path(os.environ.get("DENO_DIR") or caches / "deno")
    if not any(cache.glob("npm/*/onnxruntime-node")):
        print(f"lamina: the first start downloads packages, which take 0.6 GB in {cache}", file=sys.stderr, flush=True)


def main():
    expect_folder("HOME")
    expect_folder("DENO_DIR")
    say_first()
    from deno import find_deno_bin

    deno = os.fsdecode(find_deno_bin())
    own = [f"--config={FOLDER / 'deno.json'}", f"--lock={FOLDER / 'deno.lock'}", "--frozen"]
    command = [deno, "run", "-A", "--quiet", "--v8-flags=--max-semi-space-size=2", *own, str(FOLDER / "src" / "cli.ts"), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(deno, command)


if __name__ == "__main__":
    main()
