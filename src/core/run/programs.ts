/** Compiled graphs of one run: each kind once, all of them released with the run. */
import type { Engine, Feeds, Program } from "../engine/mod.ts";
import type { Graph } from "../onnx/mod.ts";
import { freeAll } from "./held.ts";
import type { Model } from "../models/mod.ts";

/**
 * A program with constants that nothing else needs: they are freed with it, or at once where the program has copies of them, or
 * cannot be compiled.
 */
export async function owningProgram(
  engine: Engine,
  graph: Graph,
  constants: Feeds,
  free = () => freeAll(constants),
): Promise<Program> {
  let program: Program | null = null;
  try {
    program = await engine.compile(graph, constants);
  } finally {
    if (!program || engine.has.constants === "copied") free();
  }
  const { run, release } = program;
  return {
    run,
    async release() {
      await release();
      if (engine.has.constants === "fed") free();
    },
  };
}

export interface Programs {
  /** What all of them have copies of, and are not fed. */
  readonly constants: Feeds;
  /** The program of a kind (anything that is JSON), compiled when it is first asked for. */
  get(kind: unknown, build: () => Graph): Promise<Program>;
  release(): Promise<void>;
}

/** Programs that have copies of the same constants: each has all of them, so that only the last few are kept. */
export const WITH_COPIES = 2;

/** No programs yet. Those with `constants` have them as their own inputs. */
export function openPrograms(engine: Engine, constants: Feeds = {}): Programs {
  const programs = new Map<string, Promise<Program>>();
  const isCopied = Object.keys(constants).length > 0;
  return {
    constants,
    get(kind, build) {
      const key = JSON.stringify(kind);
      const known = programs.get(key);
      if (known) return known;
      const made = engine.compile(build(), constants);
      programs.set(key, made);
      if (isCopied && programs.size > WITH_COPIES) {
        const [oldest, program] = programs.entries().next().value!;
        programs.delete(oldest);
        program.then(({ release }) => release(), () => {}); // it has failed its run already
      }
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

/** Throws `RangeError` for int8 and a model that has no matrices in blocks: nothing of it would be computed in int8. */
export function expectPrecision(
  { name, weights }: Pick<Model, "name" | "weights">,
  { precision }: Pick<Engine, "precision">,
): void {
  if (precision !== "int8" || weights.isInBlocks) return;
  throw new RangeError(
    `Cannot run ${name}: precision is "int8" and its weights are ${weights.format}, expected matrices in blocks of 4 or ` +
      "8 bits, as in quantised GGUF files, AWQ, and GPTQ without act-order (desc_act)",
  );
}
