/** The studies of one model on the engine beside those on the CPU: the largest difference of each kind of number, and seconds. */
import type { Engine } from "core/engine/mod.ts";
import { generate, type Generated } from "features/generate/mod.ts";
import type { ResultOf } from "features/by_name.ts";
import { causes } from "features/causes/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { tolerance } from "../core/models/parity.ts";
import { numbersOf } from "../core/study/golden.ts";
import { type Row, rowsOf } from "./report.ts";
import { timed } from "../bench/shared.ts";

export interface StudySizes {
  readonly text: string;
  readonly samples: number;
  readonly length: number;
  /** Modules that the sweep drops at most. */
  readonly drops: number;
  /** Tokens that are generated. */
  readonly tokens: number;
}

/** What the studies give on one engine, and the seconds that each took. */
export interface Studied {
  readonly profile: ResultOf<"profile">;
  readonly perplexity: ResultOf<"perplexity">;
  readonly sweep: ResultOf<"sweep">;
  readonly causes: ResultOf<"causes">;
  readonly generate: Generated[];
  readonly seconds: Readonly<Record<string, number>>;
}

/** Runs all of them; the sweep takes its order from `orders`, where it is given, so that it drops the same. */
export async function studiesOn(
  engine: Engine,
  model: StudyModel,
  { drops, tokens, ...sizes }: StudySizes,
  orders?: ResultOf<"profile">,
): Promise<Studied> {
  const options = { ...sizes, engine };
  const seconds: Record<string, number> = {};
  async function noted<T>(name: string, run: () => Promise<T>): Promise<T> {
    const { made, clock } = await timed(run);
    seconds[name] = clock;
    return made;
  }
  const profiled = await noted("profile", () => profile(model, options));
  const last = model.spec.layers.length - 1;
  const [perplexity] = await noted("perplexity", () => perplexities(model, [{ attention: [last] }], options));
  const curve = { target: "attention", by: "importance", seed: null } as const;
  const steps = Array.from({ length: drops + 1 }, (_, n) => n);
  const dropping = { ...options, profile: orders ?? profiled, curves: [curve], steps };
  const swept = await noted("sweep", () => sweep(model, dropping));
  const caused = await noted("causes", () => causes(model, { ...options, effectSamples: 1 }));
  const plans = [{}, { attention: [last] }];
  const texts = await noted("generate", () => generate(model, plans, "Once upon a time", { engine, tokens }));
  return { profile: profiled, perplexity, sweep: swept, causes: caused, generate: texts, seconds };
}

/** Which numbers of each result are compared, and what they are. */
const groups: Record<"profile" | "perplexity" | "sweep" | "causes", readonly string[]> = {
  profile: ["attention", "mlp", "block", "streamNorm"],
  perplexity: ["nll", "kl", "top1"],
  sweep: ["curves"],
  causes: ["attention", "mlp", "patterns", "sink", "smoothing", "effectiveRank", "effects"],
};

/** How far each is from the CPU's; bounds of importance as of the families (parity.ts), of both sides. */
export function studyRows(engine: Engine, { spec }: StudyModel, found: Studied, expected: Studied): Row[] {
  const row = rowsOf("studies", engine.precision);
  const { tokens } = expected.profile;
  const bound = 2 * 2 * tolerance(engine, spec) / Math.sqrt(tokens);
  const rows = Object.entries(groups).flatMap(([study, names]) =>
    names.map((name): Row => {
      const of = (all: Studied) => numbersOf(all[study as keyof typeof groups]);
      const value = largestDifference(of(found), of(expected), `${study}.${name}`);
      const most = study === "profile" && name !== "streamNorm" ? bound : null;
      return row(`${study}, ${name}`, value, "of 1 or of itself", most);
    })
  );
  const texts = found.generate.map(({ ids }, i): Row => {
    const theirs = expected.generate[i].ids;
    const first = ids.findIndex((id, at) => id !== theirs[at]);
    const value = first < 0 ? ids.length : first;
    return row(`generate, text ${i}`, value, "tokens alike", null, theirs.length);
  });
  const times = Object.entries(found.seconds).map(([study, value]) =>
    row(`${study}, time (beside: the CPU's)`, value, "s", null, expected.seconds[study])
  );
  return [...rows, ...texts, ...times];
}

type Numbers = ReadonlyMap<string, number | null>;

/** Of the numbers below a place: of their own size, or of 1 where they are smaller. One that only one side has counts as infinite. */
function largestDifference(found: Numbers, expected: Numbers, place: string): number {
  const all = new Set([...found.keys(), ...expected.keys()]);
  const places = new Set([...all].filter((key) => `${key}.`.startsWith(`${place}.`)));
  if (places.size === 0) throw new Error(`Cannot compare ${place}: no such numbers`);
  return Math.max(...[...places].map((key) => {
    const [a, b] = [found.get(key), expected.get(key)];
    if (a === b) return 0;
    return typeof a === "number" && typeof b === "number"
      ? Math.abs(a - b) / Math.max(1, Math.abs(b))
      : Infinity;
  }));
}
