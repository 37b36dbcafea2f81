/** New tokens pass through stages, behind the memory of the tokens before. */
import type { Engine, Held } from "../../engine/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import type { Model } from "../../models/mod.ts";
import { openEmbedder } from "../embed.ts";
import { areFinite, takeSquares } from "../finite.ts";
import { forward } from "../forward.ts";
import { headNotFinite } from "../head/head.ts";
import { freeAll, take, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";
import { hasMemory, type Memory } from "./memory.ts";
import { lastRows, type Part, partsOf, rotaryRows, sharedFeeds } from "./shared.ts";
import type { RunStage, Stage } from "./units.ts";

/** What tokens pass with: the memory of each layer's attention, by layer, and how many texts there are side by side. */
interface Passing {
  readonly engine: Engine;
  readonly programs: Programs;
  readonly caches: ReadonlyMap<number, Memory>;
  readonly plan: DropPlan;
  readonly texts: number;
  readonly signal: AbortSignal | undefined;
  readonly onRead: ((done: number, total: number) => void) | undefined;
}

/** Runs tokens of a model. Throws `RangeError`, which names the module, where numbers are not finite. */
export function passing(model: Model, { engine, programs, caches, plan, texts, signal, onRead }: Passing) {
  const tables = rotaryRows();
  const embedder = openEmbedder(model, engine, programs);

  async function embedded(read: readonly number[][], parts: readonly Part[], into: Held[]): Promise<void> {
    for (const [first, end] of parts) {
      const ids = Int32Array.from(read.flatMap((text) => text.slice(first, end)));
      const positions = ids.map((_, i) => first + i % (end - first));
      into.push(await embedder.embed(ids, { positions, signal }));
    }
  }

  /** A stage for tokens [first, end) of texts of `length` tokens: what it makes of their stream x, or the logits of the last one. */
  async function through(
    { layers, answers: hasHead }: Stage,
    run: RunStage,
    x: Held,
    [first, end]: Part,
    length: number,
  ): Promise<Record<string, Held>> {
    const tokens = end - first;
    const feeds: Record<string, Held> = { x };
    const into: Record<string, Held> = {};
    const keys = layers.flatMap(({ l, spec }, i) =>
      spec.attention && hasMemory(spec.attention, engine.has)
        ? [{ cache: caches.get(l)!, prefix: `${i}.` }]
        : []
    );
    for (const { cache, prefix } of keys) {
      const opened = await cache.open(prefix, tokens);
      Object.assign(feeds, opened.feeds);
      Object.assign(into, opened.into);
    }
    const added = { tokens, texts, past: (l: number) => caches.get(l)!.rows };
    const outputs = await withUploaded(
      engine,
      {
        ...sharedFeeds(layers, engine.has, added, (rope) => tables(rope, [first, end], length)),
        ...hasHead ? { rows: lastRows(tokens, texts) } : {},
      },
      (shared) => run({ ...shared, ...feeds }, { signal, into }),
    );
    for (const { cache, prefix } of keys) cache.close(prefix, outputs, tokens);
    return outputs;
  }

  /** The stage's stream or logits. Throws where what it watched is not finite. */
  async function finite(
    stage: Stage,
    read: readonly number[][],
    { squares, head_squares, y, logits }: Record<string, Held>,
  ): Promise<Held> {
    const given = y ?? logits;
    try {
      const [own, ofHead] = [
        squares && await takeSquares(engine, squares),
        head_squares && await takeSquares(engine, head_squares),
      ];
      if (own !== undefined && !areFinite(own)) await blame(stage, read);
      if (ofHead !== undefined && !areFinite(ofHead)) throw await headNotFinite(model);
      return given;
    } catch (error) {
      given.free();
      throw error;
    }
  }

  /** Throws the error of the module where numbers cease to be finite: the executor meets it in the same text. */
  async function blame({ layers }: Stage, read: readonly number[][]): Promise<never> {
    const segments = read.map((ids) => ({ ids: Int32Array.from(ids), past: null }));
    await forward({ model, engine, segments, plans: [plan], signal });
    const [first, last] = [layers[0].l, layers.at(-1)!.l];
    throw new RangeError(
      `Cannot run ${model.name}: layers ${first} to ${last} produce non-finite numbers, expected finite ones`,
    );
  }

  return {
    /** Runs the tokens of each text from `start` on, what is before them having run already: the logits of the last of each text [B · V]. */
    async run(read: readonly number[][], start: number, stages: readonly Stage[]): Promise<Float32Array> {
      const { length } = read[0];
      const parts = partsOf(start, length, texts);
      const streams: Held[] = [];
      let done = 0;
      try {
        await embedded(read, parts, streams);
        for (const stage of stages) {
          await stage.with(async (run) => {
            for (const [i, part] of parts.entries()) {
              onRead?.(done++, stages.length * parts.length);
              if (stage.layers.length === 0 && i < parts.length - 1) continue; // the head is for the last tokens
              const outputs = await through(stage, run, streams[i], part, length);
              const next = await finite(stage, read, outputs);
              streams[i].free();
              streams[i] = next;
            }
          });
        }
        onRead?.(done, done);
        return (await take(engine, streams[streams.length - 1])).data as Float32Array;
      } finally {
        freeAll(streams);
      }
    },
  };
}
