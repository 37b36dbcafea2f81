/**
 * Machines to test on: where this system allows it, networks of their own in namespaces, with addresses, temporary folders and disks of
 * their own; elsewhere addresses of the loopback network. Whatever runs on them ends with this process.
 */
import { fileURLToPath } from "node:url";
import { words } from "../../tools.ts";

/** Machine 1 leads and computes nothing; the others compute. */
export const WORKERS = [2, 3] as const;

/** A set of machines. */
export interface Machines {
  /** Whether each has a network and, with `mount`, a disk of its own. */
  readonly apart: boolean;
  address(machine: number): string;
  /** A command line that runs another on a machine. */
  on(machine: number, ...command: string[]): string[];
  close(): Promise<void>;
}

/** Sets them up in namespaces if possible. */
export async function openMachines(): Promise<Machines> {
  return await openNamespaces().catch(() => null) ?? {
    apart: false,
    address: (machine) => `127.0.0.${machine + 1}`,
    on: (_, ...command) => command,
    close: () => Promise.resolve(),
  };
}

async function openNamespaces(): Promise<Machines> {
  const script = fileURLToPath(new URL("network.sh", import.meta.url));
  const outer = new Deno.Command("unshare", {
    args: words`-rnmpf --kill-child --mount-proc --propagation private sh ${script} ${WORKERS.map(String)}`,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const stdin = outer.stdin.getWriter();
  const lines = (await untilReady(outer.stdout)).trim().split("\n");
  const close = async () => {
    await stdin.close().catch(() => {});
    await outer.status;
  };
  if (lines.pop() !== "ready") {
    await close();
    throw new Error("Cannot make networks, expected namespaces to be allowed");
  }
  const leader = (await Deno.readTextFile(`/proc/${outer.pid}/task/${outer.pid}/children`)).trim();
  const inside = words`nsenter -t ${leader} -U --preserve-credentials -n -m -p --wd=${Deno.cwd()} --`;
  return {
    apart: true,
    address: (machine) => `10.77.0.${machine}`,
    on: (machine, ...command) => {
      const network = machine === 1 ? [] : ["nsenter", "-t", lines[machine - WORKERS[0]], "-n", "--"];
      return [...inside, ...network, ...command];
    },
    close,
  };
}

/** What a script prints, up to "ready" or its end. */
async function untilReady(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of stream) {
    text += decoder.decode(part, { stream: true });
    if (text.endsWith("ready\n")) break;
  }
  return text;
}
