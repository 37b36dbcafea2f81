/** What a fit promises: limits that its answer keeps, or one target that it reaches. */
import {
  aFileSize,
  amountOf,
  aRise,
  aShare,
  list,
  number,
  type Of,
  option,
  quoted,
  related,
  type ShareKind,
  shareOf,
  text,
  under,
  wholeNumber,
} from "core/entry/mod.ts";
import type { Verdict } from "core/measure/mod.ts";
import { CONTEXT } from "../orders/mod.ts";
import { type Aim, type Ends, LIMITS, TARGETS } from "./result.ts";

/** The least divergence that can be asked for: bfloat16 alone moves predictions by some 0.0005 nats. */
const LEAST_KLD = 0.001;
const positive = number("a number above 0", (value) => value > 0);
/** Promises that are shares, or may be. */
const SHARES = {
  perplexity: aRise,
  parameters: amountOf("parameters"),
  kvBytes: amountOf("bytes"),
  file: aFileSize,
} as const satisfies Readonly<Record<string, ShareKind>>;

const DOCUMENTS = 200;

/** The checks of `FitAim`, option by option. */
export const aimChecks = {
  /** Largest mean divergence from the model as stored: KL of the next token, nats. */
  kld: option(
    number(`a divergence of at least ${LEAST_KLD} nats`, (value) => value >= LEAST_KLD),
    "<nats> limit: mean KL divergence of the next token from the model as stored, such as 0.05",
  ),
  /** Most nats per token that the plan may lose. */
  loss: option(positive, "<nats> limit: loss at most this many nats per token higher, such as 0.01"),
  /** Largest rise of the perplexity, as a share: 0.05, or "5%". A rise that is no less than the perplexity needs the sign: "150%". */
  perplexity: option(
    aShare(SHARES.perplexity),
    "<rise> limit: perplexity at most this share higher, such as 10%",
  ),
  /** Most points of mean accuracy on `tasks` that the plan may lose. */
  accuracy: option(
    related(number("a number of points above 0 and at most 100", (value) => value > 0 && value <= 100), {
      needs: "tasks",
    }),
    "<points> limit: mean accuracy at most this many points lower",
  ),
  /** Largest file, in bytes or with a unit ("80MB"), or as a share of the model's: 0.85, or "85%". */
  file: option(
    aShare(SHARES.file),
    "<size> target: a file of at most this size, such as 80MB, or this share of the model's, such as 85%",
  ),
  /** Fewest weights to save, or a share of the model's: 0.1, or "10%"; "100%" is all. */
  parameters: option(
    aShare(SHARES.parameters),
    "<n> target: save at least this many parameters, or a share such as 10%, at the least divergence",
  ),
  /** Fewest bytes of keys and values to save for one sequence of `context` tokens, or a share of all: 0.25, or "25%". */
  kvBytes: option(
    aShare(SHARES.kvBytes),
    "<n> target: save at least this many bytes of KV cache, or a share such as 25%",
  ),
  /** Smallest factor by which decoding becomes faster, such as 1.2. */
  speed: option(
    number("a factor above 1", (value) => value > 1),
    "<factor> target: decode at least this many times as fast on this machine, such as 1.2",
  ),
  /** Benchmark tasks of `accuracy`. */
  tasks: option(
    related(list(text, "names of tasks", 1), { needs: "accuracy" }),
    "<names> benchmark tasks, such as piqa,arc_easy",
  ),
  /** Documents of each task, of which half confirm; default: 200. */
  limit: option(wholeNumber(4), "<n> documents of each task; half confirm", DOCUMENTS, { needs: "accuracy" }),
  /** Tokens of the sequence of `kvBytes`; default: 8192. */
  context: option(wholeNumber(1), "<t> sequence length, in tokens", CONTEXT, { needs: "kvBytes" }),
};
under("Limits (at least one, or a target):", aimChecks);

/** Limits and a target of `fit`: at least one, and at most one target. */
export type FitAim = Of<typeof aimChecks>;

/** The limits among options, and the target; null without one. */
export type Aims = { readonly limits: readonly Aim[]; readonly target: Aim | null };

/** Reads limits and target. Throws `TypeError` where there are none, or two targets. */
export function aimsOf(options: FitAim): Aims {
  const { kvBytes, tasks, context = CONTEXT } = options;
  const amounts: { [of in Aim["of"]]?: number | string | undefined } = { ...options, "kv-bytes": kvBytes };
  const shares: Partial<Record<Aim["of"], ShareKind>> = { ...SHARES, "kv-bytes": SHARES.kvBytes };
  const named = <Of extends Aim["of"]>(all: readonly Of[]) =>
    all.filter((of) => amounts[of] !== undefined).map((of): Aim => {
      const { [of]: kind } = shares;
      return {
        of,
        amount: kind ? shareOf(amounts[of]!, kind) : Number(amounts[of]),
        ...of === "accuracy" ? { tasks: [...new Set(tasks)] } : {},
        ...of === "kv-bytes" ? { context } : {},
      };
    });
  const [limits, targets] = [named(LIMITS), named(TARGETS)];
  if (targets.length > 1) {
    const found = quoted(targets.map(({ of }) => of), " and ");
    throw new TypeError(`Cannot fit: found ${found}, expected at most one target of ${quoted(TARGETS)}`);
  }
  if (limits.length + targets.length === 0) {
    throw new TypeError(
      `Cannot fit: found no limit and no target, expected at least one of ${quoted([...LIMITS, ...TARGETS])}`,
    );
  }
  return { limits, target: targets[0] ?? null };
}

export function documentsOf({ limit = DOCUMENTS }: FitAim): { choosing: number; all: number } {
  return { choosing: Math.ceil(limit / 2), all: limit };
}

/** What a plan was measured to cost: divergence and loss in nats per token; points of accuracy where they are limited. */
export type Costs = { readonly kld: Ends; readonly loss: Ends; readonly points?: Ends | undefined };

/** The cost that a limit is about, and the most that it allows, both in nats per token or in points. */
function heldBy({ of, amount }: Aim, { kld, loss, points }: Costs): readonly [cost: Ends, most: number] {
  if (of === "kld") return [kld, amount];
  if (of === "accuracy") return [points!, amount];
  return [loss, of === "perplexity" ? Math.log1p(amount) : amount];
}

/** How large a plan's costs are beside its limits: the largest share that an upper end takes of one; 0 without limits. */
export const shareOfLimits = (limits: readonly Aim[], costs: Costs): number =>
  limits.reduce((most, limit) => {
    const [{ high }, allowed] = heldBy(limit, costs);
    return Math.max(most, (high ?? Infinity) / allowed);
  }, 0);

/** Whether all limits are kept: "yes" where every interval lies below its limit, "no" where one lies above. */
export function keepsLimits(limits: readonly Aim[], costs: Costs): Verdict {
  if (shareOfLimits(limits, costs) <= 1) return "yes";
  const isAbove = (limit: Aim) => {
    const [{ low }, allowed] = heldBy(limit, costs);
    return low !== null && low > allowed;
  };
  return limits.some(isAbove) ? "no" : "cannot tell";
}
