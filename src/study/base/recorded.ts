/** An engine that says what it is and runs nothing: for results that were all computed elsewhere and kept. */
import type { Engine } from "../../engine/mod.ts";
import type { Computed } from "../../result/mod.ts";
import { computedOn, type EngineOptions, type Forcing } from "./options.ts";

/** A result that should have been kept is missing. */
export class NotKept extends Error {}

/** The engine that computed the results, as far as they say. Throws `NotKept` where anything would have to be computed. */
export function recordedEngine({ engine, runtime, dtype, device }: Computed): Engine {
  const refuse = (): never => {
    throw new NotKept(
      "a kept result is missing or was computed by another engine, and merging computes nothing",
    );
  };
  return {
    name: engine as Engine["name"],
    version: runtime,
    device: device ?? null,
    precision: dtype as Engine["precision"],
    has: {
      attention: "decomposed",
      masked: "decomposed",
      bfloat16: "widened",
      products: "f32",
      rows: "gathered",
      bindingBytes: Infinity,
    },
    access: null,
    upload: refuse,
    read: refuse,
    compile: refuse,
    live: 0,
    close: () => Promise.resolve(),
  };
}

/** Options with which a study finds what is kept and computes nothing, so that it needs no memory either. */
export async function keptOnly<O extends EngineOptions & Forcing>(
  options: O,
): Promise<O & { engine: Engine }> {
  return { ...options, engine: recordedEngine(await computedOn(options)), force: true };
}
