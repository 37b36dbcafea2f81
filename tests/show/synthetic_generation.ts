/** A made-up result of the study of generation: plans whose changes grow from step to step. */
import { type Generation, head, type TextChanges } from "../../src/result/mod.ts";
import { besideOf, meansOf, sameSoFar } from "../../src/study/generation/compare.ts";
import { provenance } from "../result/samples.ts";

export interface Shape {
  readonly prompts?: number;
  readonly tokens?: number;
  /** Tokens of the full model's texts, where they end before. */
  readonly lengths?: readonly number[];
  readonly task?: boolean;
  /** How far the first plan's logits move, as a share of the usual. */
  readonly moved?: number;
}

/** The changes of a text of so many steps whose logits move by `size` at first, and by `growth` times more at each step. */
function text(steps: number, size: number, growth: number, off: number): TextChanges {
  const each = (of: (moved: number) => number) =>
    Array.from(
      { length: steps },
      (_, step) => of(size * growth ** step * (1 + 0.3 * Math.sin(3 * step + off))),
    );
  return {
    hidden: each((moved) => 1 - moved / (8 + moved)),
    logits: each((moved) => 1 - moved / (6 + moved)),
    kl: each((moved) => moved * (1 + moved / 4)),
    variance: each((moved) => moved),
    distance: each((moved) => moved / (2 + moved)),
    squares: each((moved) => moved / 2),
  };
}

/** Two plans, of which the second moves more. */
export function generation(
  { prompts = 4, tokens = 16, lengths = [], task = false, moved = 1 }: Shape = {},
): Generation {
  const counts = Array.from({ length: prompts }, (_, i) => lengths[i] ?? tokens);
  const ids = counts.map((count) => Array.from({ length: count }, (_, step) => step % 7));
  const drops = [{ attention: [22, 23], mlp: [] }, { attention: [], mlp: [10, 11, 12, 13] }];
  return {
    ...head("generation"),
    provenance: provenance(prompts),
    tokens,
    temperature: 1,
    ids,
    task: task ? { name: "arc_easy", hash: "ab".repeat(32), documents: 3, leftOut: 1 } : null,
    unrelated: prompts > 1 ? besideOf(counts.map((count, i) => text(count, 30, 1, i)), tokens) : null,
    plans: drops.map((drop, plan) => {
      const size = plan === 0 ? 0.01 * moved : 0.2;
      const own = ids.map((full, i) => full.map((id, step) => step < 4 - 2 * plan + i ? id : id + 1));
      const texts = (growth: number) => counts.map((count, i) => text(count, size, growth, i));
      const single = [0, 1, 2].map((off) => text(1, size, 1, off));
      const { kl, variance, distance, squares } = meansOf(
        single.map((one) => ({ ...one, kl: one.kl.map((kl) => kl / 8) })),
      );
      return {
        drop,
        ids: own,
        forced: besideOf(texts(1), tokens),
        free: besideOf(texts(1.3), tokens),
        same: sameSoFar(own, ids, tokens),
        choices: task
          ? {
            vocabulary: meansOf(single),
            options: { kl, variance, distance, squares },
            sameToken: { value: 2 / 3, low: 0, high: 1 },
            sameOption: { value: 1, low: 1, high: 1 },
          }
          : null,
      };
    }),
  };
}
