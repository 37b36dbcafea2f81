/**
 * Predictions that the head reads from a stream: logits, or the entropy and the most probable token of each row's next-token
 * distribution. On the stream that leaves a layer this is the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens").
 *
 * The vocabulary passes in slices. Each slice gives every row's largest logit M, S = Σ e^(z − M), W = Σ e^(z − M) · (z − M) and best
 * token. Slices are merged in float64, and the entropy is ln S − W / S. All logits are in memory together only if a caller wants them.
 */
import { freed } from "../../entry/mod.ts";
import type { Engine, Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { withRead, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import type { Predictions, ReadHead } from "../probes/observable.ts";
import { headRows, headSlices, intoRows, LOGITS, normedRows, type Rows } from "./head.ts";
import { inColumns, merger, type Reading, sliceGraph } from "./slices.ts";

type Lens = { readonly read: ReadHead; release(): Promise<void> };

/** Opens the head of a model. Its readings throw `RangeError` where the norm or the head is not finite. */
export async function openLens(model: Model, engine: Engine, signal?: AbortSignal): Promise<Lens> {
  const { spec } = model;
  const { vocabulary } = spec;
  const programs = openPrograms(engine);
  const normed = await normedRows(model, engine, programs, signal);

  async function slice(hidden: Held, [start, end]: Rows, reading: Reading): Promise<Record<string, Held>> {
    const shape = { plans: 1, words: end - start, compared: false, reading };
    const head = { plans: 1, hidden: spec.hidden, cap: spec.head.softcap };
    const build = () => sliceGraph([head], shape);
    const program = await programs.get(["lens", shape], build);
    const weight = await headRows(model, [start, end]);
    return await withUploaded(engine, { weight }, (held) => program.run({ ...held, hidden }, { signal }));
  }

  return {
    async read(stream, rows, names) {
      const asked = new Set<string>(names);
      const reading = { logits: asked.has("logits"), shape: asked.has("entropy") || asked.has("top1") };
      const n = rows.length;
      using hidden = freed(await normed([stream], rows));
      const logits = new Float32Array(reading.logits ? n * vocabulary : 0);
      const merged = merger(reading.shape ? n : 0, 0, { plans: 1, compared: false, reading });
      const targets = inColumns({ rows, tokens: new Int32Array(), of: new Int32Array() });
      const bytes = Math.min(engine.has.bindingBytes, 4 * spec.hidden * LOGITS / n);
      for (const range of headSlices(spec, bytes)) {
        signal?.throwIfAborted();
        await withRead(engine, await slice(hidden, range, reading), (values) => {
          if (reading.logits) intoRows(logits, values.logits.data as Float32Array, range, vocabulary);
          if (reading.shape) merged.add(targets, { row: 0, target: 0 }, range, values);
        });
      }
      const all: Predictions = {
        logits: { data: logits, shape: [n, vocabulary] },
        entropy: { data: merged.entropies(), shape: [n] },
        top1: { data: merged.best, shape: [n] },
      };
      return Object.fromEntries(names.map((name) => [name, all[name]])) as unknown as typeof all;
    },
    release: programs.release,
  };
}
