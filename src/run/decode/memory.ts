/**
 * The memory of a module between graphs of new tokens, for some texts of the same length: keys and values, or states.
 *
 * Where an operator can write new rows into the memory of the old ones, there are rows to spare, and nothing is copied; else
 * each run's are new memory, and the old ones are freed. With a window, keys that no query will see again are kept all the same.
 */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import { mixerKind, type MixerSpec } from "../../models/mod.ts";
import { Concat, createGraph } from "../../onnx/mod.ts";
import { elements, float32 } from "../../tensor/mod.ts";
import { freeAll, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Rows that are added at once. */
const SPARE = 256;

/** A module's memory. */
export interface Memory {
  /** Inputs and the outputs that go into them, for a run that adds tokens; `prefix` is the module's in the graph. */
  open(prefix: string, tokens: number): Promise<{ feeds: Feeds; into: Feeds }>;
  /** Takes the outputs of the run that did not go into them. */
  close(prefix: string, outputs: Feeds, tokens: number): void;
  /** Bytes of the memory so far, without rows to spare. */
  readonly bytes: number;
  free(): void;
}

/** Nothing remembered yet: no keys, states of zeros. */
export function openMemory(engine: Engine, programs: Programs, spec: MixerSpec, texts: number): Memory {
  const slots = mixerKind(spec).memory(spec, engine.has, texts);
  const zeros = (shape: readonly number[]) => float32([...shape], new Float32Array(elements(shape)));
  const held = new Map<string, Held>(
    slots.map(({ name, shape, inPlace }) => [name, engine.upload(zeros(shape(inPlace ? SPARE : 0)))]),
  );
  let rows = 0;

  function replace(name: string, next: Held): void {
    held.get(name)!.free();
    held.set(name, next);
  }

  /** Makes room for more rows. */
  async function grow({ name, shape, grows }: typeof slots[number], missing: number): Promise<void> {
    const program = await programs.get(["grow", shape("rows")], () => {
      const graph = createGraph();
      const parts = ["past", "more"].map((part) => graph.input(part, "f32", shape(part)));
      graph.output("all", Concat(parts, grows!));
      return graph;
    });
    const more = zeros(shape(Math.ceil(missing / SPARE) * SPARE));
    const { all } = await withUploaded(
      engine,
      { more },
      (feeds) => program.run({ ...feeds, past: held.get(name)! }),
    );
    replace(name, all);
  }

  const named = (prefix: string, side: string, some: typeof slots) =>
    Object.fromEntries(some.map(({ name }) => [`${prefix}${side}_${name}`, held.get(name)!]));

  return {
    async open(prefix, tokens) {
      for (const slot of slots) {
        if (!slot.inPlace) continue;
        const missing = rows + tokens - held.get(slot.name)!.shape[slot.grows!];
        if (missing > 0) await grow(slot, missing);
      }
      const inPlace = slots.filter((slot) => slot.inPlace);
      return { feeds: named(prefix, "past", slots), into: named(prefix, "present", inPlace) };
    },
    close(prefix, outputs, tokens) {
      rows += tokens;
      for (const { name, inPlace } of slots) {
        if (!inPlace) replace(name, outputs[`${prefix}present_${name}`]);
      }
    },
    get bytes() {
      return slots.reduce((sum, { shape }) => sum + 4 * elements(shape(rows)), 0);
    },
    free: () => freeAll(held.values()),
  };
}
