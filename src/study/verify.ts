/**
 * The paper's own calibration on the paper's own models: 256 × 2048 tokens of C4's validation split, whose importances give drop
 * orders to be held beside those of the official code (paper_orders.ts).
 *
 * The text is measured in shards, each kept as it is finished, and merged exactly: what was ended goes on where it stopped, and
 * the states of one shard are all that memory holds.
 *
 * Limit: the models lie on the hub alone and need tens of GB. This has been run on small models in their place, never on them.
 */
import { KINDS } from "../measure/mod.ts";
import {
  type Check,
  type Checks,
  displayable,
  expect,
  like,
  list,
  oneOf,
  orElse,
  phases,
  record,
  reportsOf,
  required,
  text,
  wholeNumber,
  within,
} from "../entry/mod.ts";
import { readSpec } from "../models/mod.ts";
import {
  head,
  keptResult,
  merge,
  type OrderAgreement,
  type Profile,
  type Verification,
} from "../result/mod.ts";
import { noDrop } from "../run/mod.ts";
import { onModel, openConfig, packText, partOf, type StudyModel } from "../subject/mod.ts";
import { type Estimate, estimatePasses, type Pass } from "./estimate.ts";
import { provenance, studyChecks, type StudyOptions, textOptions } from "./options.ts";
import { pairsOf, rankCorrelation } from "./pairs.ts";
import { PAPER_ORDERS, type PaperOrders } from "./paper_orders.ts";
import { distinct, rank } from "./orders/rank.ts";
import { profileBlocks } from "./profile.ts";

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
 * import { openSeries, verify } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const orders = { name: "mine", model: "-", layers: 8, attention: [6, 7], mlp: [5, 6], block: [6, 5] };
 * const result = await verify(orders, { model, text: "README.md", samples: 2, length: 32 });
 * console.log(result.attention.order, result.attention.overlap);
 * model.close();
 * ```
 */
export async function verify(
  paper: string | PaperOrders,
  options: VerifyOptions = {},
): Promise<Verification> {
  const orders = ordersOf(paper);
  const { model = orders.model } = options;
  return await onModel("verify", model, options, checks, async (model, options) => {
    expectDepth(model, orders);
    return verificationOf(await sharded(model, orders, withPaper(options)), orders);
  });
}

/**
 * Estimates the time and memory of `verify` without fetching anything.
 *
 * @example
 * ```ts
 * import { verifyEstimate } from "lamina";
 *
 * const { seconds, bytes, flops } = await verifyEstimate("mistral-7b", { samples: 8 });
 * console.log(seconds, bytes, flops);
 * ```
 */
export async function verifyEstimate(
  paper: string | PaperOrders,
  options: VerifyOptions = {},
): Promise<Estimate> {
  const { name } = ordersOf(paper);
  const { model = await configured(name) } = options;
  const run = (model: Pick<StudyModel, "spec">, options: StudyOptions) => {
    const sizes = textOptions(withPaper(options), PAPER.text);
    const [whole, rest] = [Math.floor(sizes.samples / SHARD), sizes.samples % SHARD];
    const pass = (samples: number, times: number): Pass => (
      { plans: [noDrop], head: false, samples, length: sizes.length, times }
    );
    const passes = [...whole > 0 ? [pass(SHARD, whole)] : [], ...rest > 0 ? [pass(rest, 1)] : []];
    return estimatePasses(model, passes, withPaper(options));
  };
  return await onModel<Pick<StudyModel, "spec">, VerifyOptions, Estimate>(
    "estimate a verification",
    model,
    options,
    checks,
    run,
    ["spec"],
  );
}

function ordersOf(paper: string | PaperOrders): PaperOrders {
  expect("verify", "model of the paper", paper, aPaper);
  return typeof paper === "string" ? PAPER_ORDERS.find(({ name }) => name === paper)! : paper;
}

/** A model as far as its configuration tells. */
async function configured(name: string): Promise<Pick<StudyModel, "spec">> {
  const { config } = await openConfig(name);
  return { spec: readSpec(config, name) };
}

function withPaper({ model: _, ...options }: VerifyOptions): StudyOptions {
  const { text = PAPER.text, samples = PAPER.samples, length = PAPER.length } = options;
  return { ...options, text, samples, length };
}

function expectDepth({ name, spec }: StudyModel, orders: PaperOrders): void {
  const found = spec.layers.length;
  if (found === orders.layers) return;
  throw new RangeError(
    `Cannot verify ${orders.name} with ${name}: it has ${found} layers, expected ${orders.layers}`,
  );
}

/** The profile of the whole text, shard by shard. */
async function sharded(model: StudyModel, { name }: PaperOrders, options: StudyOptions): Promise<Profile> {
  const sizes = shardSizes(options.samples!);
  const phase = phases(`verify ${name}`, [0, ...sizes], options.onProgress);
  const whole = await packText(
    model,
    textOptions(options, PAPER.text),
    within(reportsOf(options), phase(0)),
  );
  const profiles: Profile[] = [];
  let kept = 0;
  for (const [i, samples] of sizes.entries()) {
    options.signal?.throwIfAborted();
    const packed = partOf(whole, i * SHARD, samples);
    const origin = await provenance(model, packed, noDrop, options);
    const found = await keptResult("profile", origin, options);
    if (found) kept++;
    const told = within(options, phase(1 + i));
    const label = `shard ${i + 1} of ${sizes.length}`;
    profiles.push(found ?? await profileBlocks(model, packed.blocks, origin, label, told));
  }
  if (kept > 0) {
    options.onNotice?.(`verify ${name}: ${kept} of ${sizes.length} shards kept from an earlier run`);
  }
  return merge(profiles);
}

/** So many blocks in shards; a shorter text has the same first ones. */
function shardSizes(samples: number): number[] {
  return Array.from(
    { length: Math.ceil(samples / SHARD) },
    (_, i) => Math.min(SHARD, samples - i * SHARD),
  );
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
  const ranked = rank(profile, kind);
  const order = ranked.map(({ layer }) => layer);
  const { importance, standardError } = profile[kind];
  return {
    importance,
    standardError,
    order,
    tied: ranked.slice(0, official.length).map((entry, i) =>
      i + 1 < ranked.length && !distinct(profile, entry, ranked[i + 1])
    ),
    official: [...official],
    overlap: official.map((_, i) => {
      const first = new Set(order.slice(0, i + 1));
      return official.slice(0, i + 1).filter((layer) => first.has(layer)).length / (i + 1);
    }),
    rankCorrelation: rankCorrelation(
      pairsOf(official.map((_, i) => i), official.map((layer) => importance[layer] ?? null)),
    ),
  };
}
