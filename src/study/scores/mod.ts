/** The scores and searches of the table in `result/scores.ts`. */
import { sum } from "../../entry/mod.ts";
import { planData, type ScoreName } from "../../result/mod.ts";
import { permutation } from "../../tensor/mod.ts";
import { moved } from "./distances.ts";
import { removals } from "./losses.ts";
import {
  dropOfEntries,
  type Entry,
  type Measurement,
  nothing,
  type Reading,
  type Score,
  type Scores,
} from "./score.ts";
import { profileBlocks } from "../passes/profile.ts";
import { OUTSIZED } from "../../measure/mod.ts";

const profiles: Measurement<Scores> = {
  unit: "samples",
  passes: (spec, { taken }, size) => [{ ...size, plans: [dropOfEntries(spec, taken)], head: false }],
  async measure({ model, packed, provenance, need }, { taken }, options) {
    const origin = { ...provenance, drop: planData(dropOfEntries(model.spec, taken)) };
    return await profileBlocks(model, packed.blocks, origin, model.name, options, need);
  },
};

function profiled(column: keyof Scores["block"]): Reading<Scores> {
  return {
    from: profiles,
    read: (profile, entries) => entries.map(({ module, layer }) => profile[module][column][layer]),
  };
}

/** Importance, the mean of 1 − cos(X, Y) (the paper); over blocks, this is the block influence of ShortGPT (arXiv 2403.03853). */
const importance: Score = { ...moved("distance"), modules: profiled("importance") };

/** A score that reads importances and largest relative magnitudes, of a module alone or of each block of a window. */
function tail(of: (importance: number[], largest: number[]) => number): Score {
  const valuesOf = (profile: Scores, { module, layer, size }: Entry, column: keyof Scores["block"]) =>
    profile[module][column].slice(layer, layer + size) as number[]; // candidates have both
  const read = (profile: Scores, entries: readonly Entry[]) =>
    entries.map((entry) =>
      of(valuesOf(profile, entry, "importance"), valuesOf(profile, entry, "largestRelativeMagnitude"))
    );
  return { modules: { from: profiles, read } };
}

/** The rise of the loss in nats per token when the module alone is removed (Shortened LLaMA, arXiv 2402.02834). */
const loss: Score = removals("loss", ({ nll }, full) => nll - full);

export const scores: Readonly<Record<ScoreName, Score>> = {
  importance,
  /** Relative magnitude, the mean of |update| / |X|. */
  magnitude: { ...moved("magnitude"), modules: profiled("relativeMagnitude") },
  /** Angular distance, the mean of arccos(cos(X, Y))/π over all tokens, or over the last of each sample (Gromov et al., arXiv 2403.17887). */
  angular: moved("angle"),
  "angular-last": moved("angle", "last"),
  loss,
  /** The divergence KL(p_full ‖ p_drop) in nats per token when the module alone is removed (Shortened LLaMA, arXiv 2402.02834). */
  kl: { ...removals("divergence", ({ kl }) => kl), ofRemoval: ({ kl }) => kl },
  /** Drops the least important module and measures importance again with the drops made (the paper). */
  iterative: { modules: importance.modules, again: true },
  /** Drops the module whose removal raises the loss least, and measures again with the drops made (SLEB, arXiv 2402.09025). */
  greedy: { ...loss, again: true },
  /** A baseline: a permutation from a seed. */
  random: {
    baseline: true,
    modules: {
      from: nothing,
      read(_, entries, { seed }) {
        const places: number[] = [];
        permutation(entries.length, seed).forEach((entry, place) => places[entry] = place);
        return places;
      },
    },
  },
  /** A baseline: the number of layers after a module, so that the deepest is dropped first. */
  deepest: {
    baseline: true,
    modules: {
      from: nothing,
      read: (_, entries, { layers }) => entries.map(({ layer }) => layers - 1 - layer),
    },
  },
  /** The largest |update| / |X| of a token; of a window, that of its blocks. */
  largest: tail((_, largest) => Math.max(...largest)),
  /** Importance, over a window the sum of its blocks', and 2, the most that one can be, where an update is outsized: such modules go last. */
  marked: tail((importance, largest) => sum(importance) + (Math.max(...largest) > OUTSIZED ? 2 : 0)),
};
