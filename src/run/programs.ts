/** Compiled graphs of one run: each kind once, all of them released with the run. */
import type { Engine, Program } from "../engine/mod.ts";
import type { Graph } from "../onnx/mod.ts";

/** Programs by kind. */
export interface Programs {
  /** The program of a kind (anything that is JSON), compiled when it is first asked for. */
  get(kind: unknown, build: () => Graph): Promise<Program>;
  /** Frees all that were compiled. */
  release(): Promise<void>;
}

/** No programs yet. */
export function openPrograms(engine: Engine): Programs {
  const programs = new Map<string, Promise<Program>>();
  return {
    get(kind, build) {
      const key = JSON.stringify(kind);
      const known = programs.get(key);
      if (known) return known;
      const made = engine.compile(build());
      programs.set(key, made);
      return made;
    },
    async release() {
      // What could not be compiled has failed its run already, and is nothing to free.
      const made = await Promise.allSettled(programs.values());
      programs.clear();
      for (const program of made) if (program.status === "fulfilled") await program.value.release();
    },
  };
}
