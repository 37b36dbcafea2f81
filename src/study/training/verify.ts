/**
 * The paper's own calibration on the paper's own models: 256 × 2048 tokens of C4's validation split, whose importances give drop
 * orders to be held beside those of the official code (paper_orders.ts).
 *
 * The text is measured in shards, each kept as it is finished, and merged exactly: what was ended goes on where it stopped, and
 * the states of one shard are all that memory holds.
 *
 * Limit: the models lie on the hub alone and need tens of GB. This has been run on small models in their place, never on them.
 */
import { KINDS, overlapOf, pairsOf, rankCorrelation } from "../../measure/mod.ts";
import {
  type Check,
  type Checks,
  displayable,
  enter,
  expect,
  like,
  list,
  oneOf,
  orElse,
  phases,
  record,
  required,
  text,
  wholeNumber,
  within,
} from "../../entry/mod.ts";
import { readSpec } from "../../models/mod.ts";
import {
  head,
  keptResult,
  merge,
  type OrderAgreement,
  type Profile,
  type Verification,
} from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, openConfig, type StudyModel } from "../../subject/mod.ts";
import type { Pass } from "../base/estimate.ts";
import { provenance, studyChecks, type StudyOptions, tellReused } from "../base/options.ts";
import { PAPER_ORDERS, type PaperOrders } from "./paper_orders.ts";
import { distinct, rank } from "../orders/rank.ts";
import { profileBlocks } from "../passes/profile.ts";
import { inTurn, type RunOptions } from "../base/stage.ts";
import { type Price, run, step, type Study } from "../base/study.ts";
import { samplesOf, type Text, textOf } from "../base/text.ts";

/** Options of `verify`. The default text is the paper's: 256 × 2048 tokens of c4. */
export interface VerifyOptions extends StudyOptions {
  /** The model, or a name that `openModel` accepts; default: the paper's model on the hub. */
  readonly model?: StudyModel | string | undefined;
}

/** The paper's calibration. */
const PAPER = { text: "c4", samples: 256, length: 2048 } as const;
/** Blocks measured at once: 8 × 2048 states of a 7B model are 268 MB. */
const SHARD = 8;

const layerList = required(list(wholeNumber(0), "layers", 1));
const aPaper: Check = orElse(
  (value) => typeof value === "string",
  oneOf(PAPER_ORDERS.map(({ name }) => name)),
  record({
    name: required(text),
    model: required(text),
    layers: required(wholeNumber(1)),
    attention: layerList,
    mlp: layerList,
    block: layerList,
  }, "a model of the paper, or orders to compare with"),
);
const checks: Checks<VerifyOptions> = { ...studyChecks, model: like("a model or its name", () => true) };

/**
 * Measures the drop orders of a model and compares them with those of the official code. `paper` is a model of the paper
 * (`mistral-7b`, `llama-2-13b`) or the orders to compare with. Throws `RangeError` for a model of another depth.
 *
 * @example
 * ```ts
 * import { openModel, verify } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const orders = { name: "mine", model: "-", layers: 8, attention: [6, 7], mlp: [5, 6], block: [6, 5] };
 * const result = await verify(orders, { model, text: "README.md", samples: 2, length: 32 });
 * console.log(result.attention.order, result.attention.overlap);
 * ```
 */
export async function verify(
  paper: string | PaperOrders,
  options: VerifyOptions = {},
): Promise<Verification> {
  return await run(verifyStudy, paper, options);
}

/** A model, and the official orders that its own are compared with. */
interface Paper {
  readonly orders: PaperOrders;
  readonly model: StudyModel;
}

/** What `verify` consists of. Its price needs a configuration and fetches nothing. */
export const verifyStudy: Study<Paper, VerifyOptions, Verification, Price, string | PaperOrders> = {
  verb: "verify",
  checks,
  on(verb, paper, options, checks, use) {
    const orders = ordersOf(paper);
    return onModel(verb, options.model ?? orders.model, options, checks, (model, options) => {
      expectDepth(model, orders);
      return use({ orders, model }, options);
    });
  },
  async outline(verb, paper, options, checks, use) {
    const orders = ordersOf(paper);
    const { model } = options;
    if (model !== undefined) return await verifyStudy.on(verb, paper, options, checks, use);
    const { config, name } = await openConfig(orders.name);
    const outline = { name, spec: readSpec(config, name) } as StudyModel;
    return await enter(verb, name, options, checks, (options) => use({ orders, model: outline }, options));
  },
  work({ orders, model }, { model: _, ...options }) {
    const { samples = PAPER.samples, length = PAPER.length } = options;
    const text = textOf(model, { ...options, samples, length }, PAPER.text);
    const [whole, rest] = [Math.floor(samples / SHARD), samples % SHARD];
    const pass = (samples: number, times: number): Pass => (
      { plans: [noDrop], head: false, samples, length, times }
    );
    const passes = [...whole > 0 ? [pass(SHARD, whole)] : [], ...rest > 0 ? [pass(rest, 1)] : []];
    const measuring = step(passes, (runOptions) => sharded(model, orders, text, runOptions));
    return {
      label: `verification of ${orders.name}`,
      model,
      tokens: samples * length,
      steps: [measuring],
      result: async (runOptions) => verificationOf(await measuring.whole(runOptions), orders),
    };
  },
};

function ordersOf(paper: string | PaperOrders): PaperOrders {
  expect("verify", "model of the paper", paper, aPaper);
  return typeof paper === "string" ? PAPER_ORDERS.find(({ name }) => name === paper)! : paper;
}

function expectDepth({ name, spec }: StudyModel, orders: PaperOrders): void {
  const found = spec.layers.length;
  if (found === orders.layers) return;
  throw new RangeError(
    `Cannot verify ${orders.name} with ${name}: it has ${found} layers, expected ${orders.layers}`,
  );
}

/** The profile of the whole text, some blocks at a time. */
async function sharded(
  model: StudyModel,
  { name }: PaperOrders,
  text: Text,
  options: RunOptions,
): Promise<Profile> {
  const { samples } = text.sizes;
  const spans = Array.from(
    { length: Math.ceil(samples / SHARD) },
    (_, i) => ({ from: i * SHARD, to: Math.min(samples, (i + 1) * SHARD) }),
  );
  const phase = phases(`verify ${name}`, [0, 1], options.onProgress);
  await text.pack(within(options, phase(0)));
  let kept = 0;
  const profiles = await inTurn(spans, within(options, phase(1)), async (span, own) => {
    const packed = await samplesOf(text, span).pack(own);
    const origin = await provenance(model, packed, noDrop, own);
    const found = await keptResult("profile", origin, own);
    if (found) kept++;
    const label = `shard ${1 + span.from / SHARD} of ${spans.length}`;
    return found ?? await profileBlocks(model, packed.blocks, origin, label, own);
  }, { weight: ({ from, to }) => to - from });
  if (kept > 0) tellReused(options, `verify ${name}`, `${kept} of ${spans.length} shards`);
  return merge(profiles);
}

function verificationOf(profile: Profile, orders: PaperOrders): Verification {
  const [attention, mlp, block] = KINDS.map((kind) => verifiedOf(profile, kind, orders[kind]));
  return displayable({
    ...head("verify"),
    paper: orders.name,
    provenance: profile.provenance,
    tokens: profile.tokens,
    attention,
    mlp,
    block,
  });
}

function verifiedOf(
  profile: Profile,
  kind: typeof KINDS[number],
  official: readonly number[],
): OrderAgreement {
  const ranked = rank(profile, { target: kind });
  const order = ranked.map(({ layer }) => layer);
  const { importance, standardError } = profile[kind];
  return {
    importance,
    standardError,
    order,
    tied: ranked.slice(0, official.length).map((entry, i) =>
      i + 1 < ranked.length && !distinct(profile, [entry, ranked[i + 1]])
    ),
    official: [...official],
    overlap: overlapOf(order, official),
    rankCorrelation: rankCorrelation(
      pairsOf(official.map((_, i) => i), official.map((layer) => importance[layer] ?? null)),
    ),
  };
}
