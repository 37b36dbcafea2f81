/**
 * Drops the module whose removal makes the model the fastest draft of itself, and measures again with the drops made: searches of skipped
 * modules as in Draft & Verify (arXiv 2309.08168) and SWIFT (arXiv 2410.06916), greedy instead of random.
 *
 * The number is 1/S of the best round, the time of a written token beside the full model's, where a step takes the time of the bytes that it
 * reads (measure/drafting.ts), and the draft reads the text with keys and values of its own. Drop as many as give the lowest.
 */
import { bestDraft } from "../../measure/mod.ts";
import { draftOf } from "../base/draft.ts";
import { dropOfEntries } from "./candidates.ts";
import { type Losses, lossesBy } from "./losses.ts";
import type { Measurement, Numbers, Score } from "./score.ts";

const losses = lossesBy("acceptance");

const times: Measurement<Losses & { readonly times: Numbers }> = {
  ...losses,
  async measure(ground, round, options) {
    const measured = await losses.measure(ground, round, options);
    const { model: { spec }, packed: { blocks: { length } } } = ground;
    const times = round.open.map((entry, i) => {
      const { draft } = draftOf(spec, dropOfEntries(spec, [...round.taken, entry]), length);
      const acceptance = measured.losses[i].acceptance!;
      return draft ? 1 / bestDraft({ acceptance, cost: draft.cost }).speedup : null;
    });
    return { ...measured, times };
  },
};

export const draft: Score = {
  modules: { from: times, read: ({ times }: { readonly times: Numbers }) => times },
  again: true,
  removes: true,
};
