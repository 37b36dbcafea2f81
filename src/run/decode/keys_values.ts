/**
 * The keys and values of one attention for some texts of the same length, where the graph of new tokens reads and leaves them.
 *
 * Where the operator can write new rows into the memory of the old ones, there are rows to spare, and nothing is copied; else
 * each run's are new memory, and the old ones are freed. With a window, keys that no query will see again are kept all the same.
 */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import { type AttentionSpec, isGrouped, keysShape, type KeysValues } from "../../models/mod.ts";
import { Concat, createGraph } from "../../onnx/mod.ts";
import { elements, float32 } from "../../tensor/mod.ts";
import { freeAll, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Rows that are added at once. */
const SPARE = 256;

/** Keys and values that grow with a text, or states that change. */
export interface GrowingKeys {
  /** Inputs and the outputs that go into them, for a run that adds tokens; `prefix` is the attention's in the graph. */
  open(prefix: string, tokens: number): Promise<{ feeds: Feeds; into: Feeds }>;
  /** Takes what the run gave that did not go into them. */
  close(prefix: string, outputs: Feeds, tokens: number): void;
  /** Bytes of the keys and values so far, without those to spare. */
  readonly bytes: number;
  free(): void;
}

/** No keys yet. */
export function growingKeys(
  engine: Engine,
  programs: Programs,
  spec: AttentionSpec,
  texts: number,
): GrowingKeys {
  const grouped = isGrouped(spec, engine.has);
  let rows = 0;
  let held = empty(grouped ? SPARE : 0);

  function empty(tokens: number): KeysValues<Held> {
    const shape = keysShape(spec, engine.has, tokens, texts);
    const none = () => engine.upload(float32(shape, new Float32Array(elements(shape))));
    return { key: none(), value: none() };
  }

  function replace(next: KeysValues<Held>): void {
    freeAll({ ...held });
    held = next;
  }

  /** Room for so many rows more. */
  async function grow(missing: number): Promise<void> {
    const program = await programs.get(["grow", held.key.shape.length], () => {
      const graph = createGraph();
      const [past, more] = ["past", "more"].map((name) =>
        graph.input(name, "f32", keysShape(spec, engine.has, name, texts))
      );
      graph.output("all", Concat([past, more], 2));
      return graph;
    });
    const shape = keysShape(spec, engine.has, Math.ceil(missing / SPARE) * SPARE, texts);
    const zeros = { more: float32(shape, new Float32Array(elements(shape))) };
    const longer = (past: Held) =>
      withUploaded(engine, zeros, async (feeds) => (await program.run({ ...feeds, past })).all);
    replace({ key: await longer(held.key), value: await longer(held.value) });
  }

  return {
    async open(prefix, tokens) {
      const named = (side: string) => ({
        [`${prefix}${side}_key`]: held.key,
        [`${prefix}${side}_value`]: held.value,
      });
      if (!grouped) return { feeds: named("past"), into: {} };
      const missing = rows + tokens - held.key.shape[2];
      if (missing > 0) await grow(missing);
      return { feeds: named("past"), into: named("present") };
    },
    close(prefix, outputs, tokens) {
      rows += tokens;
      if (!grouped) {
        replace({ key: outputs[`${prefix}present_key`], value: outputs[`${prefix}present_value`] });
      }
    },
    get bytes() {
      const { shape } = held.key;
      const capacity = shape[grouped ? 2 : 1];
      return capacity === 0 ? 0 : 2 * 4 * elements(shape) / capacity * rows;
    },
    free: () => freeAll({ ...held }),
  };
}
