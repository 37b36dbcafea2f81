/**
 * The memory of a module between graphs of new tokens, for some texts of the same length: keys and values, or states.
 *
 * Where an operator can write new rows into the memory of the old ones, there are rows to spare, and nothing is copied; else
 * each run's are new memory, and the old ones are freed.
 *
 * With a window, rows that no token will see again are dropped where there is no room for more, so that a copy serves many tokens.
 */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import { mixerKind, type MixerSpec } from "../../models/mod.ts";
import { Concat, createGraph, Gather, type Lowering } from "../../onnx/mod.ts";
import { elements, float32, indices, type Tensor } from "../../tensor/mod.ts";
import { freeAll, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Rows to spare, of all texts together; and of each at least. */
const [SPARE, LEAST_SPARE] = [256, 8];
/** Rows to spare behind a window: few, since they are all that it holds besides what is seen. */
const WINDOW_SPARE = 32;

/** Rows that are held of some tokens of each text, with those to spare. */
export function rowsFor(tokens: number, texts: number): number {
  const spare = Math.max(LEAST_SPARE, Math.floor(SPARE / texts));
  return Math.ceil(tokens / spare) * spare;
}

/** A module's memory; `prefix` is the module's in the graph. */
export type Memory = ReturnType<typeof openMemory>;

/** Nothing remembered yet: no keys, states of zeros. */
export function openMemory(engine: Engine, programs: Programs, spec: MixerSpec, texts: number) {
  const slots = mixerKind(spec).memory(spec, engine.has, texts);
  const zeros = (shape: readonly number[]) => float32([...shape], new Float32Array(elements(shape)));
  const held = new Map<string, Held>(
    slots.map((
      { name, shape, inPlace },
    ) => [name, engine.upload(zeros(shape(inPlace ? rowsFor(1, texts) : 0)))]),
  );
  const most = slots.find(({ seen }) => seen)?.seen ?? Infinity;
  let rows = 0;
  let room = rowsFor(1, texts);

  function replace(name: string, next: Held): void {
    held.get(name)!.free();
    held.set(name, next);
  }

  /** Replaces a slot by its rows and `other` ones behind them, or by those at some places (i64). */
  async function remade({ name, shape, grows }: typeof slots[number], other: Tensor): Promise<void> {
    const { dtype } = other;
    const program = await programs.get(["remade", shape("rows"), dtype], () => {
      const graph = createGraph();
      const all = graph.input("all", "f32", shape("rows"));
      const added = graph.input("other", dtype, dtype === "i64" ? ["seen"] : shape("more"));
      graph.output("next", dtype === "i64" ? Gather(all, added, grows!) : Concat([all, added], grows!));
      return graph;
    });
    const all = held.get(name)!;
    const { next } = await withUploaded(engine, { other }, (feeds) => program.run({ ...feeds, all }));
    replace(name, next);
  }

  /** Drops the rows that are not seen, if there is no room for so many more; new ones are written into spare rows behind them. */
  async function trimFor(tokens: number): Promise<void> {
    if (rows <= most || rows + tokens <= room) return;
    const spare = Math.max(tokens, WINDOW_SPARE);
    for (const slot of slots) await remade(slot, placesOf(most, rows, slot.inPlace ? spare : 0));
    [rows, room] = [most, most + spare];
  }

  const named = (prefix: string, side: string, some: typeof slots) =>
    Object.fromEntries(some.map(({ name }) => [`${prefix}${side}_${name}`, held.get(name)!]));

  return {
    /** Inputs and the outputs that go into them, for a run that adds tokens. */
    async open(prefix: string, tokens: number): Promise<{ feeds: Feeds; into: Feeds }> {
      await trimFor(tokens);
      for (const slot of slots) {
        if (!slot.inPlace) continue;
        const missing = rows + tokens - held.get(slot.name)!.shape[slot.grows!];
        if (missing > 0) await remade(slot, zeros(slot.shape(rowsFor(missing, texts))));
      }
      const inPlace = slots.filter((slot) => slot.inPlace);
      return { feeds: named(prefix, "past", slots), into: named(prefix, "present", inPlace) };
    },
    /** Takes the outputs of the run that did not go into them. */
    close(prefix: string, outputs: Feeds, tokens: number): void {
      rows += tokens;
      for (const { name, inPlace } of slots) {
        if (!inPlace) replace(name, outputs[`${prefix}present_${name}`]);
      }
    },
    /** Rows that are held: of all tokens so far, or of those that a window still needs and some before. */
    get rows() {
      return rows;
    },
    get bytes() {
      return slots.reduce((sum, { shape }) => sum + 4 * elements(shape(rows)), 0);
    },
    free: () => freeAll(held.values()),
  };
}

/** Whether new tokens leave something behind in this module. */
export function hasMemory(spec: MixerSpec, lowering: Lowering): boolean {
  return mixerKind(spec).memory(spec, lowering, 1).length > 0;
}

/** The places of the last `most` rows, and `spare` more, whatever is there. */
function placesOf(most: number, rows: number, spare: number): Tensor {
  return indices(Array.from({ length: most + spare }, (_, i) => i < most ? rows - most + i : 0));
}
