/**
 * The kernel as Jupyter starts it, `kernel.ts CONNECTION_FILE`: `deno jupyter` behind a relay.
 *
 * `deno jupyter` looks for an import map in the folder that it is started in, and has no option that names one. So it starts
 * in the workspace, where `import … from "lamina"` is understood, and goes to the notebook's before the first cell.
 */
import { type Connection, Relay } from "./relay.ts";
import { freePorts } from "./sockets.ts";
import { resultsVariable, workspace } from "./workspace.ts";

const SIGNALS = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const;

const LOOK = 1000; // ms between two looks at whether Jupyter is still there

/**
 * Until Lamina is imported, which listens itself, a stop button would end the kernel. If the relay is killed, its end of the
 * kernel's standard input closes, and the kernel ends too.
 */
const LISTEN = `Deno.addSignalListener("SIGINT", () => {});
Deno.stdin.read(new Uint8Array(1)).then(() => Deno.exit());`;

async function run(connectionFile: string): Promise<number> {
  const outer: Connection = JSON.parse(await Deno.readTextFile(connectionFile));
  if (outer.transport !== "tcp") {
    throw new Error(
      `Cannot start the kernel: ${connectionFile} has transport "${outer.transport}", expected "tcp"`,
    );
  }
  const relay = new Relay(outer);
  const [shell_port, iopub_port] = freePorts(outer.ip, 2);
  const inner = { ...outer, shell_port, iopub_port };
  const file = await Deno.makeTempFile({ prefix: "lamina-kernel-", suffix: ".json" }); // readable by the user alone
  let child: Deno.ChildProcess;
  try {
    await Deno.writeTextFile(file, JSON.stringify(inner));
    child = startDeno(file, await workspace(), relay);
    const goThere = `Deno.chdir(${JSON.stringify(Deno.cwd())});`;
    await Promise.race([relay.open(inner, goThere + LISTEN), child.status]);
  } finally {
    await Deno.remove(file);
  }
  return (await child.status).code;
}

function startDeno(connectionFile: string, cwd: string, relay: Relay): Deno.ChildProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["jupyter", "--quiet", "--kernel", "--conn", connectionFile],
    cwd,
    env: resultsVariable,
    stdin: "piped",
  }).spawn();
  endWith(child);
  // The kernel hears a signal twice where the sender means a whole group of processes.
  for (const name of SIGNALS) {
    Deno.addSignalListener(name, () => {
      if (name === "SIGINT") relay.stop();
      child.kill(name);
    });
  }
  return child;
}

/** Ends the kernel when Jupyter has ended without a word to it: another process then is the relay's parent. */
function endWith(child: Deno.ChildProcess): void {
  const jupyter = Deno.ppid;
  const timer = setInterval(() => {
    if (Deno.ppid === jupyter) return;
    clearInterval(timer);
    child.kill("SIGKILL"); // results are written whole or not at all
  }, LOOK);
}

if (import.meta.main) Deno.exit(await run(Deno.args[0]));
