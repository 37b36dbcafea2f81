"""A shard on a machine of a Ray cluster. The driver sends these functions along: a machine needs no copy of this file."""
import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid

import ray

DENO = "deno@2.9.6"
NEVER, REFUSED = 2, -1  # exit code of a shard that cannot succeed; of a machine that is not fit for this plan
DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG


def compute(job, index, receipt, earlier):
    """Computes a shard; gives its exit code, the reason of a failure, the files it left, and the machine."""
    here = (ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address())
    try:
        lamina, cwd = lamina_here(job)
    except OSError as error:
        return REFUSED, str(error), {}, *here
    try:
        with held(job) as folder:
            for name, data in earlier.items():
                if not (folder / name).exists():
                    write_whole(folder / name, data)
            code, reason = child([*lamina, "shard", "-", "--index", str(index), "--results", str(folder)], job, cwd)
            if code == NEVER and (version := version_of(lamina, cwd)) != job["version"]:
                return REFUSED, f"found Lamina {version}, expected {job['version']}, which made the plan", {}, *here
            if code != 0:
                return code, reason, {}, *here
            names = [receipt] if job["shared"] else [*json.loads((folder / receipt).read_bytes())["files"], receipt]
            return 0, "", {} if job["shared"] else {n: (folder / n).read_bytes() for n in names if n not in earlier}, *here
    except OSError as error:
        return 1, f"{error.filename or tempfile.gettempdir()}: {error.strerror}", {}, *here


def lamina_here(job):
    """Lamina's command line on this machine, and the folder it runs in. Raises FileNotFoundError."""
    cwd = next((folder for folder in (job["cwd"], job["root"]) if os.path.isdir(folder)), None)
    if own := job["lamina"] or os.environ.get("LAMINA"):
        words = shlex.split(own)
        if not shutil.which(words[0]):
            raise FileNotFoundError(f"{words[0]} (from LAMINA or --lamina) not found")
        return words, cwd
    cli = os.path.join(job["root"], "src", "cli.ts")
    if not os.path.exists(cli):
        raise FileNotFoundError(f"no Lamina at {cli}; set LAMINA on that machine to name another")
    flags = ["run", "-A", "--quiet", "--v8-flags=--max-semi-space-size=2", "--config", os.path.join(job["root"], "deno.json")]
    return [deno_here(), *flags, cli], cwd


def deno_here():
    """The path of deno: the child must be deno itself, since npx would leave it running when it is killed."""
    if found := shutil.which("deno"):
        return found
    if not shutil.which("npx"):
        raise FileNotFoundError("neither deno nor npx is on the PATH")
    asked = subprocess.run(["npx", "-y", "--prefer-offline", DENO, "eval", "console.log(Deno.execPath())"], capture_output=True, text=True)
    if asked.returncode != 0:
        raise FileNotFoundError(f"npx -y {DENO} failed: {last_line(asked.stderr)}")
    return asked.stdout.strip()


def child(command, job, cwd):
    """Runs a command that dies with this process; gives its exit code and the last line that it wrote to stderr."""
    threads = str(max(1, int(job["cpus"])))
    env = {**os.environ, "NO_COLOR": "1", "OMP_NUM_THREADS": threads}
    if not job["gpus"]:
        env["CUDA_VISIBLE_DEVICES"] = ""  # Ray has set it to the shard's own where it has any
    libc = ctypes.CDLL(None)
    bound = (lambda: libc.prctl(DEATH_SIGNAL, signal.SIGKILL)) if sys.platform == "linux" else None
    run = subprocess.run(command, input=job["plan"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, cwd=cwd, preexec_fn=bound)
    if run.returncode < 0:
        return 1, f"killed by {signal.Signals(-run.returncode).name}"
    return run.returncode, last_line(run.stderr.decode(errors="replace")) or f"exit code {run.returncode}"


def version_of(lamina, cwd):
    return subprocess.run([*lamina, "--version"], capture_output=True, text=True, cwd=cwd).stdout.strip()


def last_line(text):
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


@contextlib.contextmanager
def held(job):
    """The folder of this plan on this machine, locked against `tidy`: what a shard finished is found when it is tried again."""
    folder = pathlib.Path(job["shared"] or node_folder(job))
    lock = None
    while lock is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = locked(folder)
    try:
        yield folder
    finally:
        os.close(lock)


def locked(folder):
    """A shared lock on a folder; None where it was removed meanwhile."""
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if os.fstat(lock).st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(folder))
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(lock), os.stat(folder)):
            return lock
    os.close(lock)
    return None


def node_folder(job):
    return os.path.join(tempfile.gettempdir(), f"lamina-{os.getuid()}-{job['key']}")


def tidy(job):
    """Removes the folder of this plan on this machine, unless another driver's shard runs in it."""
    with contextlib.suppress(OSError):
        lock = os.open(node_folder(job), os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(node_folder(job), ignore_errors=True)


def write_whole(path, data):
    """Writes a file whole or not at all, under a temporary name that Lamina knows and removes where a killed process left it."""
    machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
    temporary = path.parent / f".lamina-{machine}-{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    try:
        temporary.write_bytes(data)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
