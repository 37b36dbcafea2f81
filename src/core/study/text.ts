/** The text of a study, whose sizes are known at once and which is packed when it is first needed, and the leak guard. */
import { type Checks, displayable, type Reports, reportsOf } from "../entry/mod.ts";
import {
  drawText,
  packAgain,
  type Packed,
  packText,
  partOf,
  type SomeText,
  type StudyModel,
  type TextOptions,
} from "../subject/mod.ts";
import { textOptions, tokenizedBy } from "./options.ts";
import type { Span } from "./stage.ts";
import { isFull } from "../measure/mod.ts";
import { lookOfOrder, type Provenance, type SharedText } from "../result/mod.ts";
import { type Ids, runsOf, sharedShare } from "../text/mod.ts";
import type { PlanLike } from "./plan.ts";

export interface Text {
  readonly sizes: Pick<TextOptions, "samples" | "length">;
  pack(reports: Reports): Promise<Packed>;
}

/** The text that the options name, or the usual one of a study with these checks. */
export function textOf(
  model: Exclude<Parameters<typeof packText>[0], string>,
  options: SomeText,
  checks?: Checks<TextOptions>,
): Text {
  const sizes = textOptions(options, checks);
  return packedOnce(sizes, (reports) => packText(model, { ...sizes, ...reports }));
}

/** Words drawn from Zipf's law, for untrained models. */
export function zipfOf({ vocabulary }: { readonly vocabulary: number }, sizes: Text["sizes"]): Text {
  const { samples, length } = sizes;
  return packedOnce(sizes, ({ signal }) => drawText(vocabulary, samples, length, signal));
}

/** A text that is packed when it is first needed. */
export function packedOnce(sizes: Text["sizes"], pack: Text["pack"]): Text {
  let packed: Promise<Packed> | undefined;
  const noted = (error: unknown) => {
    if (error instanceof Error) unread.add(error);
    throw error;
  };
  return { sizes, pack: (reports) => packed ??= pack(reportsOf(reports)).catch(noted) };
}

/** Errors because of which a text could not be had. */
const unread = new WeakSet<Error>();
export const isUnread = (error: unknown): boolean => error instanceof Error && unread.has(error);

export function samplesOf(text: Text, { from, to }: Span): Text {
  const { sizes } = text;
  if (from === 0 && to === sizes.samples) return text;
  return {
    sizes: { ...sizes, samples: to - from },
    pack: async (reports) => partOf(await text.pack(reports), from, to - from),
  };
}

/** Which samples: those that choose among many plans, or those that no choice has seen. */
export type Half = "choosing" | "confirming";

export function halfOf(text: Text, half: Half): Text {
  const { samples } = text.sizes;
  const middle = Math.ceil(samples / 2);
  return samplesOf(text, half === "choosing" ? { from: 0, to: middle } : { from: middle, to: samples });
}

/** What every study of a model over a text depends on. */
export async function dependsOn(
  model: Pick<StudyModel, "identity" | "tokenizer">,
  text: Text,
  options: Reports,
): Promise<Record<string, unknown>> {
  const { text: words, packing } = await text.pack(options);
  return {
    model: model.identity,
    tokenizer: await tokenizedBy(model, { text: words }),
    text: words,
    packing,
  };
}

/**
 * The smallest share that is reported: it lies above common phrases and below one document. Measured with the tokenizer of SmolLM2,
 * the first 24 × 512 tokens of a text against each later 8 × 512 of its first 256 × 512: none for `stories`, at most 0.2 % for `wiki`,
 * 2.5 % for `math`, and 18 % for `code`, which has the same solution in JavaScript and in TypeScript. No two of these texts share a run.
 * One document of 150 tokens that is in both is 3.4 % of 8 × 512.
 */
const LEAST = 0.01;

/** A text that a study is evaluated on; its ids in one list, or in one for each request. */
export type EvaluatedText = { readonly name: string; readonly ids: readonly Ids[] };

/** Adds to a result what its texts share with the calibration of some plans; the same result where nothing is shared, or known. */
type LeakGuard = <R extends object>(
  result: R,
  plans: readonly PlanLike[],
) => Promise<R & { shared?: SharedText[] }>;

/**
 * The leak guard: compares each distinct calibration text once with the texts of a study. What it adds to results is not kept, since it
 * depends on which texts this machine still has. A calibration text may be found in one of the texts `own`,
 * which options name.
 */
export function leakGuard(
  model: StudyModel,
  texts: readonly EvaluatedText[],
  own: readonly (string | undefined)[],
  { signal }: Reports,
): LeakGuard {
  const known = new Map<string, Promise<number[]>>();
  const places = [...new Set(own.filter((text) => text !== undefined))];
  async function sharesOf(origin: Provenance): Promise<number[]> {
    const ids = await packAgain(model, origin, places, { signal });
    if (ids === null) return [];
    const runs = runsOf(ids);
    return texts.map((text) => sharedShare(runs, text.ids));
  }
  return async (result, plans) => {
    const found = new Map<string, SharedText>();
    for (const [calibration, origin] of plans.flatMap(calibrationsOf)) {
      const { hash } = origin.text;
      if (!known.has(hash)) known.set(hash, sharesOf(origin));
      for (const [i, share] of (await known.get(hash)!).entries()) {
        const { name: text } = texts[i];
        if (share >= LEAST) found.set(`${calibration} ${hash} ${text}`, { text, calibration, share });
      }
    }
    return found.size > 0 ? displayable({ ...result, shared: [...found.values()] }) : result;
  };
}

/** The same for a study of one text. */
export async function leakGuardOver(
  model: StudyModel,
  text: Text,
  own: readonly (string | undefined)[],
  options: Reports,
): Promise<LeakGuard> {
  const { text: { name }, blocks: { ids } } = await text.pack(options);
  return leakGuard(model, [{ name, ids: [ids] }], own, options);
}

/** The runs over text that a plan comes from. Lists of layers, and orders that read no text, have none. */
function calibrationsOf(plan: PlanLike): Calibration[] {
  if (!("kind" in plan) || isFull(plan)) return [];
  const { provenance, repaired, by } = plan;
  const calibrations: Calibration[] = [];
  if (provenance && !lookOfOrder(by).textless) calibrations.push(["scores", provenance]);
  if (repaired) calibrations.push(["repair", repaired.provenance]);
  return calibrations;
}

type Calibration = [of: SharedText["calibration"], origin: Provenance];
