/**
 * The loss and the divergence of the model without each candidate in turn, kept plan by plan.
 *
 * Candidates run as one trie (run/plan/trie.ts): all L single removals take L²/2 layers, not L², and its head reads the
 * vocabulary once. For divergence, the full model runs beside the first of them, and its streams are kept.
 */
import { head, type OfKind } from "core/result/mod.ts";
import { lossKind } from "../result.ts";
import { type DropPlan, noDrop, type ScoreSums } from "core/run/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { dropOfEntries, type Measurement, type Round, type Score } from "./score.ts";
import type { Measure as How } from "core/study/over.ts";
import { scoring } from "../../losses/mod.ts";

/** In nats per token. */
interface Loss {
  readonly nll: number;
  /** KL(p_full ‖ p_drop); 0 where only losses are measured. */
  readonly kl: number;
}

/** The full model's loss, and those of the removals. */
type Losses = { readonly nll: number; readonly losses: readonly Loss[] };

/** What is measured; divergence includes the loss. */
type Measure = "loss" | "divergence";

interface LossTypes {
  readonly request: Pick<OfKind<typeof lossKind>, "provenance" | "measure">;
  readonly sums: { readonly sums: ScoreSums[] };
  readonly result: OfKind<typeof lossKind>;
}

/** The plans of a round: candidates of one size run as one trie. */
function triesOf(spec: ModelSpec, { open, taken }: Round): DropPlan[][] {
  return [...Map.groupBy(open, ({ size }) => size).values()]
    .map((entries) => entries.map((entry) => dropOfEntries(spec, [...taken, entry])));
}

/** A score that reads the losses of all removals, beside the full model's. */
export function removals(
  measure: Measure,
  read: (loss: Loss, nll: number) => number,
): Pick<Score, "modules" | "removes"> {
  const from = lossesBy(measure);
  return {
    removes: true,
    modules: { from, read: ({ nll, losses }: Losses) => losses.map((loss) => read(loss, nll)) },
  };
}

export function lossesBy(measure: Measure): Measurement<Losses> {
  const { passes, measure: score } = scoring(measure !== "loss");
  const how: How<unknown, LossTypes> = {
    passes,
    measure: async (running, options) => (await score(running, options)).map((sums) => ({ sums })),
    result: {
      kind: lossKind,
      from: ({ provenance }, { sums }) => ({
        ...head(lossKind),
        ...{ provenance, measure, ...perToken(sums), sums },
      }),
      join: (parts) => ({ sums: parts.flatMap(({ sums }) => sums) }),
    },
    origin: () => ({ measure }),
  };
  return {
    nll: ({ nll }) => nll,
    async measure({ model, text, title }, round, scope) {
      const [first = [], ...rest] = triesOf(model.spec, round);
      const place = { model, text, own: null, isCounted: true, ...title === undefined ? {} : { title } };
      const [full, ...losses] = (await scope.over(how, place, [[noDrop, ...first], ...rest])).flat();
      return {
        get nll() {
          return full.nll;
        },
        losses,
      };
    },
  };
}

function perToken(samples: readonly ScoreSums[]): Loss {
  const sum = (key: keyof ScoreSums) => samples.reduce((total, sample) => total + sample[key], 0);
  return { nll: sum("nll") / sum("tokens"), kl: sum("kl") / sum("tokens") };
}
