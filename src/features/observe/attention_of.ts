/** What selected heads attend to in a short text: full attention rows, which no study keeps. For inspection. */
import {
  type Checks,
  expect,
  flag,
  list,
  record,
  reportChecks,
  type Reports,
  required,
  string,
  wholeNumber,
} from "core/entry/mod.ts";
import { type AttentionInput, attentionRow } from "core/kernels/mod.ts";
import { scoring } from "core/models/mod.ts";
import { attentionSizes, type Blocks, type Probe } from "core/run/mod.ts";
import { engineChecks, type EngineOptions, type StudyOptions } from "core/study/options.ts";
import { pass } from "core/study/pass.ts";
import { onModel, type StudyModel } from "core/subject/mod.ts";

/** A head of a layer. */
export interface Head {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** Index of the query head, 0-based. */
  readonly head: number;
}

/** The tokens of a text and the attention of each head, as [query][key] for the keys 0 … query; 0 outside a sliding window. */
export interface AttentionOf {
  /** The model's name. */
  readonly model: string;
  /** The text, token by token [T]. */
  readonly tokens: string[];
  /** Each head with its attention: `rows[t]` holds the weights of token t on the tokens 0 … t, which sum to 1. */
  readonly heads: (Head & { readonly rows: number[][] })[];
}

/** Options of `attentionOf`. */
export interface AttentionOptions extends Pick<StudyOptions, "bos">, EngineOptions, Reports {
  /** The heads. */
  readonly heads: readonly Head[];
}

const headList = list(
  record({ layer: required(wholeNumber(0)), head: required(wholeNumber(0)) }, "a head, as { layer, head }"),
  "heads",
);
const checks: Checks<AttentionOptions> = { ...reportChecks, ...engineChecks, bos: flag, heads: headList };

/** Most tokens in a text: all T²/2 weights of each head are returned. */
const MOST_TOKENS = 512;

/**
 * Runs a text through a model and returns the attention of selected heads; `bos` puts BOS before the text. Throws
 * `RangeError` for a head that does not exist, and for a text with no tokens or more than 512.
 *
 * @example
 * ```ts
 * import { attentionOf, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { tokens, heads } = await attentionOf(model, "the cat sat", { heads: [{ layer: 2, head: 0 }] });
 * console.log(tokens, heads[0].rows);
 * ```
 */
export async function attentionOf(
  model: StudyModel | string,
  text: string,
  options: AttentionOptions,
): Promise<AttentionOf> {
  expect("look at attention", "text", text, string);
  const run = (model: StudyModel, options: AttentionOptions) => look(model, text, options);
  return await onModel("look at attention", model, options, checks, run);
}

async function look(
  model: StudyModel,
  text: string,
  { bos = false, heads: wanted, ...options }: AttentionOptions,
): Promise<AttentionOf> {
  expect("look at attention", "heads", wanted, headList);
  const { layers } = model.spec;
  for (const { layer, head } of wanted) {
    if (head < (scoring(layers[layer]?.attention ?? null)?.heads ?? 0)) continue;
    throw new RangeError(`Cannot show head ${head} of layer ${layer}: ${model.name} has no such head`);
  }
  const tokenizer = await model.tokenizer();
  const begin = bos && tokenizer.bos !== null ? [tokenizer.bos] : [];
  const ids = Int32Array.from([...begin, ...tokenizer.encode(text)]);
  if (ids.length === 0 || ids.length > MOST_TOKENS) {
    throw new RangeError(`Cannot show attention over ${ids.length} tokens: expected 1 to ${MOST_TOKENS}`);
  }
  const blocks: Blocks = { ids, samples: 1, length: ids.length };
  const seen = new Map<number, Pick<AttentionInput, "q" | "k">>();
  const probe: Probe = {
    attention: ({ q, k }) => ({ q, k }),
    observeAttention({ layer, outputs }) {
      if (!wanted.some((head) => head.layer === layer)) return;
      const [q, k] = [outputs.q, outputs.k].map(({ data }) => (data as AttentionInput["q"]).slice());
      seen.set(layer, { q, k });
    },
  };
  await pass(model, blocks, [probe], options);
  return {
    model: model.name,
    tokens: [...ids].map((id) => tokenizer.decode([id])),
    heads: wanted.map(({ layer, head }) => {
      const input: AttentionInput = {
        ...attentionSizes(scoring(layers[layer].attention)!, ids.length),
        ...seen.get(layer)!,
      };
      return { layer, head, rows: Array.from(ids, (_, t) => [...attentionRow(input, head, t)]) };
    }),
  };
}
