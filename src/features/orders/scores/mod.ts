/** The scores and searches of the table in `result/scores.ts`. */
import type { ScoreName } from "core/result/mod.ts";
import { permutation } from "core/tensor/mod.ts";
import { moved } from "./distances.ts";
import { removals } from "./losses.ts";
import {
  deepest,
  dropOfEntries,
  type Measurement,
  nothing,
  type Reading,
  type Score,
  type Scores,
} from "./score.ts";
import { profileIn } from "../../profile/mod.ts";

const profiles: Measurement<Scores> = {
  measure: ({ model, text }, { taken }, scope) =>
    profileIn(scope, model, text, dropOfEntries(model.spec, taken), { label: model.name }),
};

function profiled(column: keyof Scores["block"]): Reading<Scores> {
  return {
    from: profiles,
    read: (profile, entries) => entries.map(({ module, layer }) => profile[module][column][layer]),
  };
}

/** Importance, the mean of 1 − cos(X, Y) (the paper); over blocks, this is the block influence of ShortGPT (arXiv 2403.03853). */
const importance: Score = { ...moved("distance"), modules: profiled("importance") };

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
    modules: { from: nothing, read: (_, entries, about) => deepest(entries, about) },
  },
};
