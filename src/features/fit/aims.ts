/** What a fit promises: at most so much loss, or at least so much saved. */
import {
  aFileSize,
  amountOf,
  aRise,
  aShare,
  type Checks,
  flag,
  list,
  number,
  option,
  quoted,
  related,
  type ShareKind,
  shareOf,
  text,
  under,
  wholeNumber,
} from "core/entry/mod.ts";
import { interval95, type Verdict } from "core/measure/mod.ts";
import { AIMS, type Fit } from "./result.ts";
import { limitsCost } from "./worth.ts";
import type { Plan } from "core/result/mod.ts";
import { CONTEXT } from "../orders/mod.ts";

/** The promise of `fit`: exactly one of them. */
export interface FitAim {
  /** Most nats per token that the plan may lose. */
  readonly loss?: number | undefined;
  /** Largest rise of the perplexity, as a share: 0.05, or "5%". A rise that is no less than the perplexity needs the sign: "150%". */
  readonly perplexity?: number | string | undefined;
  /** Most points of mean accuracy on `tasks` that the plan may lose. */
  readonly accuracy?: number | undefined;
  /** Fewest weights to save, or a share of the model's: 0.1, or "10%"; "100%" is all. */
  readonly parameters?: number | string | undefined;
  /** Fewest bytes of keys and values to save for one sequence of `context` tokens, or a share of all: 0.25, or "25%". */
  readonly kvBytes?: number | string | undefined;
  /** Largest file, in bytes or with a unit ("80MB"), or as a share of the model's: 0.85, or "85%". */
  readonly file?: number | string | undefined;
  /** Smallest factor by which decoding becomes faster, such as 1.2. */
  readonly speed?: number | undefined;
  /** Benchmark tasks of `accuracy`. */
  readonly tasks?: readonly string[] | undefined;
  /** Documents of each task, of which half confirm; default: 200. */
  readonly limit?: number | undefined;
  /** Whether the half that confirms is in random order, and a plan gets no more documents once its verdict is known, as with `until` of `evaluate`. */
  readonly stopEarly?: boolean | undefined;
  /** Tokens of the sequence of `kvBytes`; default: 8192. */
  readonly context?: number | undefined;
}

const positive = number("a number above 0", (value) => value > 0);
/** Promises that are shares, or may be. */
const SHARES = {
  perplexity: aRise,
  parameters: amountOf("parameters"),
  kvBytes: amountOf("bytes"),
  file: aFileSize,
} as const satisfies { readonly [Name in keyof FitAim]: ShareKind };

const LIMIT = 200;

export const aimChecks: Checks<FitAim> = under("Limit or target (exactly one):", {
  loss: option(positive, "<nats> limit: loss at most this many nats per token higher, such as 0.01"),
  perplexity: option(
    aShare(SHARES.perplexity),
    "<rise> limit: perplexity at most this share higher, such as 10%",
  ),
  accuracy: option(
    related(number("a number of points above 0 and at most 100", (value) => value > 0 && value <= 100), {
      needs: "tasks",
    }),
    "<points> limit: mean accuracy at most this many points lower",
  ),
  parameters: option(
    aShare(SHARES.parameters),
    "<n> target: save at least this many parameters, or a share such as 10%, as cheaply as possible",
  ),
  kvBytes: option(
    aShare(SHARES.kvBytes),
    "<n> target: save at least this many bytes of KV cache, or a share such as 25%",
  ),
  file: option(
    aShare(SHARES.file),
    "<size> target: a file of at most this size, such as 80MB, or this share of the model's, such as 85%",
  ),
  speed: option(
    number("a factor above 1", (value) => value > 1),
    "<factor> target: decode at least this many times as fast on this machine, such as 1.2",
  ),
  tasks: option(
    related(list(text, "names of tasks", 1), { needs: "accuracy" }),
    "<names> benchmark tasks, such as piqa,arc_easy",
  ),
  limit: option(wholeNumber(4), "<n> documents of each task; half confirm", LIMIT, { needs: "accuracy" }),
  stopEarly: option(
    related(flag, { needs: "accuracy" }),
    "confirm on documents in random order; a plan gets no more once its verdict is known",
  ),
  context: option(wholeNumber(1), "<t> sequence length, in tokens", CONTEXT, { needs: "kvBytes" }),
});

export type Aim = Fit["aim"];
export type Cost = Fit["tried"][number]["cost"];

/** The promise among options. Throws `TypeError` unless there is exactly one. */
export function aimOf(options: FitAim): Aim {
  const { kvBytes, tasks, context = CONTEXT } = options;
  const amounts: { [of in Aim["of"]]?: number | string | undefined } = { ...options, "kv-bytes": kvBytes };
  const named = AIMS.filter((name) => amounts[name] !== undefined);
  if (named.length !== 1) {
    const found = quoted(named, " and ") || "no promise";
    throw new TypeError(`Cannot fit: found ${found}, expected exactly one of ${quoted(AIMS)}`);
  }
  const [of] = named;
  const shares: Partial<Record<Aim["of"], ShareKind>> = { ...SHARES, "kv-bytes": SHARES.kvBytes };
  const { [of]: kind } = shares;
  return {
    of,
    amount: kind ? shareOf(amounts[of]!, kind) : Number(amounts[of]),
    ...tasks ? { tasks: [...new Set(tasks)] } : {},
    ...of === "kv-bytes" ? { context } : {},
  };
}

export function documentsOf({ limit = LIMIT }: FitAim): { choosing: number; all: number } {
  return { choosing: Math.ceil(limit / 2), all: limit };
}

export const unitOf = ({ of }: Aim): Fit["unit"] => of === "accuracy" ? "points" : "nats per token";

/** Whether a cost keeps the promise: by its whole 95 % interval, else "cannot tell". An aim that limits no cost lets any be. */
export function keepsCost(aim: Aim, { low, high }: Cost): Verdict {
  if (!limitsCost(aim)) return "yes";
  const most = aim.of === "perplexity" ? Math.log1p(aim.amount) : aim.amount; // nats per token, or points
  return high <= most ? "yes" : low > most ? "no" : "cannot tell";
}

/** What a plan saves of an aim's amount: weights or bytes of keys and values, as a share of all where the amount is one. */
export function savedOf({ of, amount }: Aim, saves: NonNullable<Plan["saves"]>): number {
  const { parameters, parametersShare, kv } = saves;
  const [all, share] = of === "parameters" ? [parameters, parametersShare] : [kv.bytes, kv.share];
  return amount <= 1 ? share : all;
}

export function costOf(value: number, error: number | null, n: number): Cost {
  const [low, high] = interval95(value, error, n);
  return { value, low, high };
}
