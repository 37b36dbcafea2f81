/**
 * Programs that an engine keeps: equal graphs are compiled once.
 *
 * A graph is known by the hash of its bytes; after its last release its program stays for a while, since the next study is often of the
 * same kind. Constants that an engine copies make a program of one owner, which ends with its release; others are fed in every run.
 */
import type { Graph, Lowering } from "../onnx/mod.ts";
import type { Feeds, Program } from "./engine.ts";

/** Programs that stay after their last release: a study has some five kinds, a few extents of each. */
const KEPT = 24;

interface Entry {
  readonly program: Promise<Program>;
  users: number;
}

/** Compiles a graph with some of its inputs as constants; none where an engine does not copy them. */
type CompileWith = (graph: Graph, constants: Feeds) => Promise<Program>;

/** A store over an engine's own `compile`. */
export function programStore(compile: CompileWith, { constants: had }: Pick<Lowering, "constants">) {
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

  async function compileShared(graph: Graph): Promise<Program> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", graph.toBytes()));
    const key = digest.toHex();
    const known = entries.get(key);
    const entry = known ?? { program: compile(graph, {}), users: 0 };
    entries.delete(key);
    entries.set(key, entry);
    entry.users++;
    try {
      return shared(entry, await entry.program);
    } catch (error) {
      entries.delete(key);
      throw error;
    }
  }

  return {
    async compile(graph: Graph, constants: Feeds = {}): Promise<Program> {
      if (Object.keys(constants).length === 0) return await compileShared(graph);
      if (had === "copied") return await compile(graph, constants);
      const { run, release } = await compileShared(graph);
      return { run: (feeds, options) => run({ ...constants, ...feeds }, options), release };
    },
    async close(): Promise<void> {
      const all = await Promise.allSettled([...entries.values()].map(({ program }) => program));
      entries.clear();
      for (const made of all) if (made.status === "fulfilled") await made.value.release();
    },
  };
}
