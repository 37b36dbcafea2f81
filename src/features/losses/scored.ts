/** Plans scored on a text: they run as one trie, and the full model, which they are compared with, beside the first of them. */
import {
  type DropPlan,
  openReference,
  score,
  type ScoreOptions,
  type ScoreSums,
  segmentsOf,
  withFull,
} from "core/run/mod.ts";
import { flopsOf, type Size } from "core/study/estimate.ts";
import { engineOf, reporter, type RunOptions } from "core/study/options.ts";
import type { Running, Subject } from "core/study/over.ts";

/** How plans are scored; `isCompared` with the full model, token by token. */
export const scoring = (isCompared: boolean) => ({
  passes: (_: Subject, __: unknown, size: Size, plans: readonly DropPlan[], isFirst: boolean) => [{
    ...size,
    plans: isCompared && isFirst ? withFull(plans) : plans,
    head: true,
    stays: isCompared && isFirst,
  }],
  async measure(
    { model, blocks, requests, passes, shared, name, probes = [] }: Running,
    options: RunOptions,
    onTokens?: ScoreOptions["onTokens"],
  ): Promise<ScoreSums[][]> {
    if (isCompared) shared.full ??= openReference();
    const weigh = (head: boolean) => flopsOf(model, passes.map((pass) => ({ ...pass, head })));
    return await score({
      ...{ model, engine: await engineOf(options), segments: segmentsOf(blocks), signal: options.signal },
      plans: requests.map(({ provenance: { drop } }) => drop),
      ...{ reference: shared.full, probes, onTokens },
      ...twofold(reporter(name, "work", options), weigh(false), weigh(true)),
    });
  },
});

/** One report on layers and head, which take turns where samples are many. */
function twofold(report: (done: number, total: number) => void, layers: number, all: number) {
  const done = [0, 0];
  const of = (part: number, weight: number) => (some: number, total: number) => {
    done[part] = weight * some / total;
    report(done[0] + done[1], all);
  };
  return { onProgress: of(0, layers), onScore: of(1, all - layers) };
}
