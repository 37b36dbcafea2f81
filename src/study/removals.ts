/**
 * What importance stands for, measured directly: the loss when one module alone is removed, and differences of losses
 * paired over samples (samples differ far more from each other than one sample under two plans).
 */
import { mean, spearman, standardError, studentT95 } from "../measure/mod.ts";
import type { Perplexity, Profile } from "../result/mod.ts";
import type { StudyOptions } from "./options.ts";
import { perplexities } from "./perplexity.ts";
import type { StudyModel } from "../subject/mod.ts";

/** Nats per token that one run loses over another, with its 95 % interval; no interval for a single sample. */
export interface Paired {
  readonly difference: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** How much more `run` loses than `base`, both over the same text. Throws `RangeError` for different samples. */
export function paired(run: Perplexity, base: Perplexity): Paired {
  const [text, other] = [run, base].map(({ provenance }) => provenance.text.hash);
  if (text !== other) {
    throw new RangeError("Cannot pair runs over different texts: expected the same samples");
  }
  const nats = ({ sums }: Perplexity) => sums.map(({ nll, tokens }) => nll / tokens);
  const [own, from] = [nats(run), nats(base)];
  const differences = own.map((value, i) => value - from[i]);
  const difference = mean(differences);
  const error = standardError(differences);
  if (error === null) return { difference, low: null, high: null };
  const half = studentT95(differences.length) * error;
  return { difference, low: difference - half, high: difference + half };
}

/** One module removed, all others in place. */
export interface Removal extends Paired {
  readonly layer: number;
  readonly importance: number;
}

/** Removes every module of a kind in turn; layers without one are passed over. */
export async function removals(
  model: StudyModel,
  profile: Profile,
  kind: "attention" | "mlp",
  options: StudyOptions = {},
): Promise<Removal[]> {
  const present = profile[kind].importance.flatMap((importance, layer) =>
    importance === null ? [] : [{ layer, importance }]
  );
  const plans = present.map(({ layer }) => ({ [kind]: [layer] }));
  const [full, ...runs] = await perplexities(model, [{}, ...plans], options);
  return present.map((module, i) => ({ ...module, ...paired(runs[i], full) }));
}

/** Spearman's correlation with the loss of a removal: of importance, and of the number of layers that come after. */
export function removalAgreement(list: readonly Removal[]): { importance: number; layersAfter: number } {
  const losses = list.map(({ difference }) => difference);
  return {
    importance: spearman(list.map(({ importance }) => importance), losses),
    layersAfter: spearman(list.map(({ layer }) => -layer), losses),
  };
}
