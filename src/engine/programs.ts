/**
 * Programs that an engine keeps: equal graphs are compiled once.
 *
 * A graph with weights belongs to one owner and ends with its release. Any other is known by the hash of its bytes; after its last
 * release it stays for a while, since the next study is often of the same kind.
 */
import type { Graph } from "../onnx/mod.ts";
import type { Program } from "./engine.ts";

/** Programs that stay after their last release: a study has some five kinds, a few extents of each. */
const KEPT = 24;

interface Entry {
  readonly program: Promise<Program>;
  users: number;
}

/** A store over an engine's own `compile`, which is given the graph's bytes. */
export function programStore(compile: (graph: Graph, bytes: Uint8Array<ArrayBuffer>) => Promise<Program>) {
  const entries = new Map<string, Entry>(); // the one used longest ago first

  async function trim(): Promise<void> {
    const idle = [...entries].filter(([, { users }]) => users === 0);
    const surplus = idle.slice(0, Math.max(0, idle.length - KEPT));
    for (const [key] of surplus) entries.delete(key);
    for (const [, { program }] of surplus) await (await program).release();
  }

  function shared(entry: Entry, program: Program): Program {
    let released = false;
    return {
      run: program.run,
      async release() {
        if (released) return;
        released = true;
        entry.users--;
        await trim();
      },
    };
  }

  return {
    async compile(graph: Graph): Promise<Program> {
      const bytes = graph.toBytes();
      if (graph.weights.size > 0) return await compile(graph, bytes);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const key = digest.toHex();
      const known = entries.get(key);
      const entry = known ?? { program: compile(graph, bytes), users: 0 };
      entries.delete(key);
      entries.set(key, entry);
      entry.users++;
      try {
        return shared(entry, await entry.program);
      } catch (error) {
        entries.delete(key);
        throw error;
      }
    },
    async close(): Promise<void> {
      const all = await Promise.allSettled([...entries.values()].map(({ program }) => program));
      entries.clear();
      for (const made of all) if (made.status === "fulfilled") await made.value.release();
    },
  };
}
