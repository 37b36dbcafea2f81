/** Predictions at every token of one text. */
import { released } from "../../entry/mod.ts";
import type { Held } from "../../engine/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { forward, type ForwardOptions } from "../forward.ts";
import { openLens } from "./lens.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { headOf } from "../plan/variants.ts";
import { openScorer } from "./scorer.ts";

interface OneText extends Pick<ForwardOptions, "model" | "engine" | "signal"> {
  /** Token ids [T]. */
  readonly ids: Int32Array;
  readonly plan: DropPlan;
}

/** The logits after every token, float32 [T, V]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLogits(run: OneText): Promise<Tensor & { data: Float32Array }> {
  const { model, engine, ids, plan, signal } = run;
  await using lens = released(await openLens(headOf(model, plan), engine, signal));
  let logits = new Float32Array(0);
  await lastStream(run, async (stream) => {
    const rows = Int32Array.from(ids.keys());
    ({ logits: { data: logits } } = await lens.read(stream, rows, ["logits"]));
  });
  return float32([ids.length, model.spec.vocabulary], logits);
}

/** −ln p of every token but the first, in nats, float64 [T − 1]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLosses(run: OneText): Promise<Float64Array> {
  const { model, engine, ids, plan, signal } = run;
  const rows = Int32Array.from({ length: ids.length - 1 }, (_, row) => row);
  await using scorer = released(await openScorer(headOf(model, plan), engine, signal));
  let losses = new Float64Array(0);
  await lastStream(run, async (stream) => {
    const targets = { rows, tokens: ids.slice(1), of: rows };
    const [{ nll }] = await scorer.score([[stream]], [targets], false);
    losses = nll.slice();
  });
  return losses;
}

/** Hands over the stream that leaves the last layer, [T, D], and frees it. */
async function lastStream(
  { ids, plan, ...run }: OneText,
  use: (stream: Held) => Promise<void>,
): Promise<void> {
  await forward({
    ...run,
    segments: [{ ids, past: null }],
    plans: [plan],
    finish: ([{ batches: [stream] }]) => use(stream),
  });
}
