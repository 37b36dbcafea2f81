import { type Perplexity, perplexityOf } from "../../src/result/mod.ts";
import { provenance } from "./synthetic.ts";

const TOKENS = 64;

/** A plan of a model of two layers that moves the last MLP, and by how much; its loss rises by `rise` nats per token, in some samples more. */
export function moved(
  { rise, across, along }: Record<"rise" | "across" | "along", number>,
  drop: Perplexity["provenance"]["drop"],
  { samples = 4 }: { readonly samples?: number } = {},
): Perplexity {
  const all = Array.from({ length: samples }, (_, sample) => sample / (samples - 1 || 1) - 0.5);
  const tokens = TOKENS - 1;
  const sums = all.map((off) => ({
    ...{ nll: tokens * (3 + rise * (1 + off / 2)), kl: 0.1 * tokens, top1: 50, tokens },
  }));
  const { model, dtype, ...own } = provenance({ layers: 2, samples });
  return perplexityOf({ ...own, model, dtype, drop }, sums, {
    of: { model, dtype },
    sums: all.map((off) => ({
      nll: 3 * tokens,
      attention: [null, null],
      mlp: [null, {
        counted: TOKENS,
        across: TOKENS * across * (1 + off / 5),
        along: TOKENS * along * (1 + off / 5),
      }],
    })),
  });
}

/** Plans whose loss follows the moves across the stream and not those along it. */
export const compressions: readonly Perplexity[] = [
  moved({ rise: 0.02, across: 0.05, along: 0.06 }, { attention: [1], mlp: [] }),
  moved({ rise: 0.06, across: 0.1, along: 0.01 }, { attention: [0], mlp: [] }),
  moved({ rise: 0.2, across: 0.3, along: 0.05 }, { attention: [], mlp: [0] }),
  moved({ rise: 0.7, across: 0.6, along: 0.02 }, { attention: [0, 1], mlp: [] }),
  moved({ rise: 1.5, across: 0.9, along: 0.03 }, { attention: [1], mlp: [0] }),
  moved({ rise: -0.004, across: 0.01, along: 0.02 }, { attention: [], mlp: [] }),
];
