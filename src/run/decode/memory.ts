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
import { Concat, createGraph, Gather } from "../../onnx/mod.ts";
import { elements, float32, type Tensor } from "../../tensor/mod.ts";
import { freeAll, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Rows that are added at once. */
const SPARE = 256;
/** Rows to spare behind a window: few, since they are all that it holds besides what is seen. */
const WINDOW_SPARE = 32;

/** A module's memory. */
export interface Memory {
  /** Inputs and the outputs that go into them, for a run that adds tokens; `prefix` is the module's in the graph. */
  open(prefix: string, tokens: number): Promise<{ feeds: Feeds; into: Feeds }>;
  /** Takes the outputs of the run that did not go into them. */
  close(prefix: string, outputs: Feeds, tokens: number): void;
  /** Rows that are held: of all tokens so far, or of those that a window still needs and some before. */
  readonly rows: number;
  /** Bytes of these rows. */
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
  const seen = slots.find(({ seen }) => seen)?.seen;
  let rows = 0;
  let room = SPARE;

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

  /** Copies the rows of a slot that are seen, with `spare` rows behind them where new ones are written there. */
  async function trim({ name, shape, grows, inPlace }: typeof slots[number], spare: number): Promise<void> {
    const program = await programs.get(["trim", shape("rows")], () => {
      const graph = createGraph();
      const all = graph.input("all", "f32", shape("rows"));
      graph.output("seen", Gather(all, graph.input("places", "i64", ["seen"]), grows!));
      return graph;
    });
    const places = placesOf(seen!, rows, inPlace ? spare : 0);
    const trimmed = await withUploaded(
      engine,
      { places },
      (feeds) => program.run({ ...feeds, all: held.get(name)! }),
    );
    replace(name, trimmed.seen);
  }

  /** Drops the rows that are not seen, if there is no room for so many more. */
  async function trimFor(tokens: number): Promise<void> {
    const most = seen ? seen.first + seen.last : Infinity;
    if (rows <= most || rows + tokens <= room) return;
    const spare = Math.max(tokens, WINDOW_SPARE);
    for (const slot of slots) await trim(slot, spare);
    [rows, room] = [most, most + spare];
  }

  const named = (prefix: string, side: string, some: typeof slots) =>
    Object.fromEntries(some.map(({ name }) => [`${prefix}${side}_${name}`, held.get(name)!]));

  return {
    async open(prefix, tokens) {
      await trimFor(tokens);
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
    get rows() {
      return rows;
    },
    get bytes() {
      return slots.reduce((sum, { shape }) => sum + 4 * elements(shape(rows)), 0);
    },
    free: () => freeAll(held.values()),
  };
}

/** The places of the rows that are seen, the first ones and the last; and `spare` more, whatever is there. */
function placesOf(
  { first, last }: { readonly first: number; readonly last: number },
  rows: number,
  spare: number,
): Tensor {
  const place = (i: number) => i < first ? i : i < first + last ? rows - last + i - first : 0;
  const places = BigInt64Array.from({ length: first + last + spare }, (_, i) => BigInt(place(i)));
  return { dtype: "i64", shape: [places.length], data: places };
}
