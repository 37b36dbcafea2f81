/**
 * What a model writes under each of several plans: the full model's text next to that of a model with modules dropped.
 *
 * The plans run one after the other, each with its own decoder, so memory is that of one. Each token is the most probable one, so
 * where two texts part, the models do.
 */
import {
  type Check,
  expect,
  filled,
  flag,
  func,
  like,
  list,
  type Of,
  option,
  released,
  reportChecks,
  required,
  string,
  wholeNumber,
} from "core/entry/mod.ts";
import { type Generated, generateKind } from "./result.ts";
import { head, type OfKind, planData } from "core/result/mod.ts";
import type { LayerValue } from "core/run/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { decoded, endsOf, incremental, promptIds } from "./decoded.ts";
import { computedOn, engineChecks, engineOf, reporter } from "core/study/options.ts";
import { aDrop, dropsIn, type OverPlans, type PlanLike } from "core/study/plan.ts";
import { aChange, type ValueChange } from "../losses/mod.ts";
import { withChangedReader } from "./changed.ts";
import { noticeBeyond, onModel, type StudyModel } from "core/subject/mod.ts";

/** A generated token. */
export interface Written {
  /** Index of the plan that wrote it. */
  readonly plan: number;
  /** The token's id. */
  readonly id: number;
  /** Text that the token adds; empty while a character is incomplete. */
  readonly text: string;
}

/** The checks of `GenerateOptions`, option by option. */
export const generateChecks = {
  ...reportChecks,
  ...engineChecks,
  /** Maximum number of tokens; default: 64. */
  tokens: option(wholeNumber(1), "<n> maximum number of new tokens", 64),
  /** Whether the prompt begins with BOS. */
  bos: option(flag, "start the prompt with the BOS token"),
  /** Called with every token as it is generated. */
  onToken: func as Check<(written: Written) => void>,
};

/** Options of `generate`. */
export interface GenerateOptions<Name extends LayerValue = LayerValue> extends Of<typeof generateChecks> {
  /**
   * A change of values that a function makes while each plan writes, as in `perplexities`: steered, patched or ablated text. The whole
   * text so far runs again for each token, which takes far longer than writing without a change. Default: none.
   */
  readonly change?: ValueChange<Name> | undefined;
}

const checks = { ...generateChecks, plans: required(list(aDrop, "plans")), change: aChange };

/** In whose place others have the prompt. */
const SIGNATURE = like('a list of plans, as in generate(model, [{}], "A prompt")', Array.isArray);

/**
 * Continues a prompt under each plan, and returns the texts in the plans' order. Throws `RangeError` for an empty prompt.
 *
 * @example
 * ```ts
 * import { generate, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const [full, dropped] = await generate(model, [{}, { attention: [2, 3] }], "The model", { tokens: 8 });
 * console.log(full.text, dropped.text);
 *
 * // Steer: add a vector to the stream that leaves layer 2, at every token.
 * const [steered] = await generate(model, [{}], "The model", {
 *   tokens: 8,
 *   change: { values: ["y"], by: ({ layer, y }) => layer === 2 ? { y: y.data.map((value) => value + 0.1) } : null },
 * });
 * console.log(steered.text);
 * ```
 */
export async function generate<const Name extends LayerValue = LayerValue>(
  model: StudyModel | string,
  plans: readonly PlanLike[],
  prompt: string,
  options: GenerateOptions<Name> = {},
): Promise<Generated[]> {
  return (await generated(model, plans, prompt, options as GenerateOptions)).texts;
}

/** The same as a result, which says what wrote the texts. */
export async function generated(
  model: StudyModel | string,
  plans: readonly PlanLike[],
  prompt: string,
  options: GenerateOptions,
): Promise<OfKind<typeof generateKind>> {
  expect("generate", "plans", plans, SIGNATURE);
  expect("generate", "prompt", prompt, string);
  return await onModel("generate", model, { ...options, plans }, checks, async (model, options) => ({
    ...head(generateKind),
    model: model.identity,
    computed: await computedOn(options),
    prompt,
    texts: await writeAll(model, prompt, options),
  }));
}

/** What each plan writes, one after the other. */
async function writeAll(model: StudyModel, prompt: string, options: OverPlans<GenerateOptions>) {
  const { bos = false, change, signal } = options;
  const { tokens } = filled(generateChecks, options);
  const tokenizer = await model.tokenizer();
  const start = promptIds(model.name, tokenizer, prompt, bos);
  if (start.length === 0) throw new RangeError("Cannot continue an empty prompt: expected a text or BOS");
  const length = start.length + tokens;
  noticeBeyond(model, "texts", length, options);
  const plans = options.plans.map((plan) => dropsIn(model, plan));
  const ends = endsOf(model, tokenizer);
  const report = reporter(`text of ${model.name}`, "tokens", options);
  let written = 0;
  return await Array.fromAsync(plans, async (plan, index): Promise<Generated> => {
    const decode = incremental(tokenizer, start);
    let text = "";
    const writing = {
      tokenizer,
      ends,
      isOver(ids: readonly number[]) {
        const last = ids.length === tokens;
        const id = ids[ids.length - 1];
        const added = decode(id, last);
        text += added;
        report(++written, plans.length * tokens);
        options.onToken?.({ plan: index, id, text: added });
        return last;
      },
    };
    if (change) {
      const how = { ...options, change, plan, index, length };
      const { ids, ended } = await withChangedReader(model, how, (reader) => decoded(reader, start, writing));
      return { plan: planData(plan), ids, text, ended };
    }
    const reading = reporter(`prompt of ${model.name}`, "parts of the prompt", options);
    let isRead = false; // what follows the prompt is counted in tokens
    const onRead = (done: number, total: number) => {
      if (!isRead) reading(done, total);
      isRead ||= done === total;
    };
    const engine = await engineOf(options);
    await using opened = released(await decoder({ model, engine, plan, signal, onRead }));
    const { ids, ended } = await decoded(opened, start, writing);
    return { plan: planData(plan), ids, text, ended };
  });
}
