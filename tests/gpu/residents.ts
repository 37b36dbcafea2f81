/** Weights in blocks that stay in the engine's memory: what is computed with them beside the CPU with the same numbers widened, and how fast. */
import type { Engine } from "core/engine/mod.ts";
import type { Model } from "core/models/mod.ts";
import { type Blocks, noDrop } from "core/run/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { blockDeviations, blockTolerance, isSteady, taking, widening } from "../blocks/truth.ts";
import { BLOCK_KINDS, type BlockKind, quantised, quantisedNames, specOf } from "../quantised.ts";
import { finalStreams } from "../core/run/states.ts";
import { distance, largest, withFixture } from "../model.ts";
import { engine as cpu, randomBlocks, released } from "../support.ts";
import { type Row, rowsOf, worst } from "./report.ts";
import { timed } from "../bench/shared.ts";

export interface ResidentSizes {
  readonly samples: number;
  readonly length: number;
  /** Tokens that are read one by one after the first text. */
  readonly steps: number;
}

const kinds: [string, BlockKind][] = Object.entries(BLOCK_KINDS);

/** The streams and logits of a tiny model in a kind of blocks; null where its rows are no whole blocks, or int8 has no bound. */
export async function blockRow(engine: Engine, name: string): Promise<Row | null> {
  const i = quantisedNames.indexOf(name);
  if (i < 0 || engine.precision === "int8" && !isSteady(specOf(name))) return null;
  const [label, kind] = kinds[i % kinds.length];
  return await withFixture(name, async ({ model, blocks }) => {
    const most = blockTolerance(engine, model.spec);
    const all = await blockDeviations(engine, cpu, { model: quantised(model, kind), blocks, most });
    return worst("residents", engine.precision, `${name} in ${label}`, all);
  });
}

/** Whether a model's weights are stored in blocks. */
export async function isInBlocks({ weights }: Model): Promise<boolean> {
  const { blocks, release } = await weights.layer(0, () => true);
  const found = blocks !== undefined && blocks.size > 0;
  release();
  return found;
}

/** What one engine makes of the texts, and how long that takes. */
interface Measured {
  readonly streams: Float32Array;
  readonly logits: Float32Array;
  readonly pass: number;
  /** Tokens a second, one by one. */
  readonly rate: number;
}

/** A pass and steps of a model in blocks: how far they are from the CPU's, and their times beside those of widened weights. */
export async function residentRows(engine: Engine, model: Model, sizes: ResidentSizes): Promise<Row[]> {
  const { samples, length, steps } = sizes;
  const blocks = randomBlocks(samples, length + steps, model.spec.vocabulary);
  const expected = await measured(widening(cpu), model, blocks, steps);
  const stored = await measured(taking(engine), model, blocks, steps);
  const wide = await measured(widening(engine), model, blocks, steps);
  const row = rowsOf("residents", engine.precision);
  const most = blockTolerance(engine, model.spec);
  const off = (key: "streams" | "logits") => distance(stored[key], expected[key]) / largest(expected[key]);
  return [
    row(`streams of ${samples} × ${length + steps}`, off("streams"), "relative", most),
    row(`logits after ${steps} steps`, off("logits"), "relative", most),
    row("a pass in blocks (beside: widened)", stored.pass, "s", null, wide.pass),
    row(`steps after ${length} in blocks (beside: widened)`, stored.rate, "tokens/s", null, wide.rate),
  ];
}

/** The second pass is timed: programs are compiled then. */
async function measured(engine: Engine, model: Model, blocks: Blocks, steps: number): Promise<Measured> {
  const run = () => finalStreams(model, blocks, [noDrop], undefined, engine);
  await run();
  const { made: [streams], clock: pass } = await timed(run);
  const ids = blocks.ids.subarray(0, blocks.length);
  await using opened = released(await decoder({ model, engine }));
  let logits = await opened.prefill([ids.subarray(0, ids.length - steps)]);
  const { clock } = await timed(async () => {
    for (const id of ids.subarray(ids.length - steps)) logits = await opened.step([id]);
  });
  return { streams, logits: logits.slice(), pass, rate: steps / clock };
}
