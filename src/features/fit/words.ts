/** The answer of a fit in words: what may go, what it costs, what it saves. */
import { planPhrase } from "core/measure/mod.ts";
import { formatBytes } from "core/entry/mod.ts";
import { baseOf, costIn, isBusy, isClearPace, limitsCost, sharedSaving, WORTH } from "./worth.ts";
import type { Fit } from "./result.ts";
import { lookOfOrder } from "core/result/mod.ts";
import { computedText, modelOf, settingOf, sharedText, tokensOf } from "core/show/words/names.ts";
import { counted, documentsText, formatFixed, formatShare } from "core/show/words/numbers.ts";
import { capital, reading, sentences } from "core/show/words/reading.ts";

type Tried = Fit["tried"][number];
type Aim = Fit["aim"];

/** A number as people would type it: 10, not 10.0. */
const compact = (value: number) => String(Number(value.toPrecision(3)));

/** The most that a file may have: "85 % of its bytes", "80 MB". */
const sizeAim = (amount: number) =>
  amount <= 1 ? `${compact(100 * amount)} % of its bytes` : formatBytes(amount);

/** Costs of an aim in words and pictures: a number, its unit, the heading of its column, its place on an axis, the axis' unit. */
export function costsOf({ of }: Pick<Aim, "of">) {
  const isShare = of === "perplexity";
  const [unit, title, decimals] = of === "accuracy"
    ? ["points", "points", 1] as const
    : isShare
    ? ["%", "ppl., %", 1] as const
    : ["nats per token", "nats", 4] as const; // promises are as small as 0.01 nats
  const onAxis = (value: number) => isShare ? 100 * Math.expm1(value) : value;
  const write = (value: number) => formatFixed(onAxis(value), decimals);
  return { unit, title, write, onAxis, axis: isShare ? "% of the perplexity" : unit };
}

/** The most that an aim lets a plan cost, in the unit of the axis; null where it limits what is saved. */
export function mostOnAxis({ of, amount }: Aim): number | null {
  if (of === "perplexity") return 100 * amount;
  return of === "loss" || of === "accuracy" ? amount : null;
}

/**
 * A cost with its interval: "0.0123 nats per token (95 %: 0.0041 to 0.0205)", with documents where the promise's decision ended the asking.
 * A cost that no other samples confirmed says so: its interval is that of the plans that looked best.
 */
export function costText(aim: Aim, { value, low, high, asked }: Tried["cost"], confirmed = true): string {
  const { write, unit } = costsOf(aim);
  const on = asked ? `; ${documentsText(asked.documents, asked.of)}` : "";
  const of = confirmed ? "95 %" : "on the samples that chose";
  return `${write(value)} ${unit} (${of}: ${write(low)} to ${write(high)}${on})`;
}

/** What an aim says in a title, and in a sentence. */
function aimTexts({ of, amount, tasks = [], context }: Aim): readonly [limit: string, promise: string] {
  const share = `${compact(100 * amount)} %`;
  const saved = amount <= 1 ? `${share} of the` : amount.toLocaleString("en-US");
  const [on, points] = [`accuracy on ${tasks.join(", ")}`, counted(amount, "point")];
  const texts: Readonly<Record<Aim["of"], readonly [limit: string, promise: string]>> = {
    loss: [`Limit +${amount} nats per token`, `the loss rises by at most ${amount} nats per token`],
    perplexity: [`Limit +${share} perplexity`, `the perplexity rises by at most ${share}`],
    accuracy: [`Limit −${points} of ${on}`, `the ${on} falls by at most ${points}`],
    parameters: [`Target ${saved} parameters`, `at least ${saved} parameters are saved`],
    "kv-bytes": [
      `Target ${saved} bytes of keys and values`,
      `at least ${saved} bytes of keys and values of ${context} tokens are saved`,
    ],
    file: [`Target: a file of at most ${sizeAim(amount)}`, `the file has at most ${sizeAim(amount)}`],
    speed: [`Target ${amount} times as fast`, `decoding is at least ${amount} times as fast`],
  };
  return texts[of];
}

/** In a title: "Limit +10 % perplexity". */
export const limitText = (aim: Aim): string => aimTexts(aim)[0];

/** The promise: "loss rises by at most 0.01 nats per token". */
export const promiseText = (aim: Aim): string => aimTexts(aim)[1];

/** What half of the samples of a fit is: "8 × 512 tokens of wiki", "20 documents of piqa". */
export const halfText = ({ aim: { tasks } }: Fit, half: Fit["provenance"]): string =>
  tasks ? `${half.packing.samples} documents of ${tasks.join(", ")}` : tokensOf(half);

/** Where a fit was measured: its setting, with the samples that choose. */
export function fitSetting(fit: Fit, ...more: readonly string[]): string {
  const { aim, provenance } = fit;
  if (!aim.tasks) return settingOf(provenance, ...more);
  return [modelOf(provenance.model), halfText(fit, provenance), computedText(provenance), ...more].join(
    " · ",
  );
}

/** How a plan was found: "by importance, repaired by linear". */
export function wayText({ by, repair, exchanged }: Pick<Tried, "by" | "repair" | "exchanged">): string {
  const order = lookOfOrder(by).title ?? by;
  return `by ${order}${repair ? `, repaired by ${repair}` : ""}${exchanged ? ", with exchanges" : ""}`;
}

/** What shares of savings are of: "the model's own 98.4 MB", "the 103 kB gguf-deci file", "the weights". */
export function baseText(fit: Pick<Fit, "file">): string {
  const base = baseOf(fit);
  if (!base) return "the weights";
  const size = formatBytes(base.bytes);
  return base.isOwn ? `the model's own ${size}` : `the ${size} ${fit.file!.format} file`;
}

/** What a plan saves: "3.5 MB of the model's own 98.4 MB (3.6 %), 3.5 % of the parameters and 13.3 % of the keys and values"; no zeros. */
export function savingText(fit: Pick<Fit, "aim" | "file">, own: Tried): string {
  const { saves: { parametersShare }, bytes } = own;
  const share = sharedSaving(fit, own);
  const less = bytes && share > 0 && formatBytes(baseOf(fit)!.bytes - bytes);
  const others = [[parametersShare, "parameters"], [kvShareOf(fit, own), "keys and values"]] as const;
  const texts = others.flatMap(([share, of]) => share > 0 ? [`${formatShare(share)} of the ${of}`] : []);
  const file = less ? `${less} of ${baseText(fit)} (${formatShare(share)})` : `nothing of ${baseText(fit)}`;
  return [...fit.file ? [file] : [], texts.join(" and ")].filter(Boolean).join(less ? ", " : ", but ") ||
    "nothing";
}

/** The share of keys and values that a plan saves: that of the context where it was asked for, which counts the model's own windows. */
export const kvShareOf = ({ aim }: Pick<Fit, "aim">, { saves: { kv, kvShare } }: Tried): number =>
  aim.of === "kv-bytes" ? kv.share : kvShare;

type Pace = NonNullable<Fit["times"]>["decode"];

/** How fast a plan is beside the full model: a number only where it is clear. */
const paceText = (pace: Pace): string =>
  isClearPace(pace) ? `${formatFixed(pace.median, 2)} times as fast` : "about as fast";

/** Measured times of the answer in a sentence; empty without times. */
export function timesText({ times }: Fit): string {
  if (!times) return "";
  const two = (value: number) => formatFixed(value, 2);
  const paced = (verb: string, pace: Pace) => {
    const { median, low, high } = pace;
    const times = isClearPace(pace) ? "" : `${two(median)} times; `;
    return `${verb} ${paceText(pace)} (${times}quartiles ${two(low)} to ${two(high)})`;
  };
  return `Measured: it ${paced("writes", times.decode)} and ${paced("reads", times.prefill)}.`;
}

/** The places of the plans that were tried, the cheapest first. */
export const byCost = ({ tried }: Fit): number[] =>
  [...tried.keys()].sort((a, b) => tried[a].cost.value - tried[b].cost.value);

/** The plan of the answer, or why there is none, in more words than its verdict has. */
export function answerText(fit: Fit): string {
  const { aim, tried, answer, confirmed } = fit;
  if (answer !== null) {
    const own = tried[answer];
    const { cost } = confirmed.find((test) => test.tried === answer)!;
    return sentences(
      reading`${capital(planPhrase(own.drop))} (${wayText(own)}), the cost is ${costText(aim, cost)} on the
        samples that confirm it.`,
      `That saves ${savingText(fit, own)}.`,
      timesText(fit),
      sharedText([fit]),
    );
  }
  const cheapest = tried[byCost(fit)[0]];
  if (!cheapest) return "Other targets or another format may do.";
  const failed = confirmed.at(-1);
  return sentences(
    failed &&
      reading`A plan that kept the promise on the samples that chose is not sure to keep it on those that confirm:
        ${planPhrase(tried[failed.tried].drop)}, the cost is ${costText(aim, failed.cost)}.`,
    reading`The cheapest plan, ${planPhrase(cheapest.drop)}, costs ${costText(aim, cheapest.cost, false)}.`,
  );
}

/** Why a fit tried no plan: it tries only those that make the file smaller. */
const noneFits = ({ file }: Fit) =>
  `a ${file?.format ?? "smaller"} file cannot hold the plans that were sought, or they make it no smaller`;

/** The larger savings that a verdict names. */
const NAMED = 3;

/** The answer first: what is decided, what stays open and why; then the harm and what larger savings cost. */
export function verdictText(fit: Fit): string {
  const { tried, answer, verdict: { worth } } = fit;
  if (tried.length === 0) return `No plan was tried: ${noneFits(fit)}.`;
  return sentences(
    answer === null
      ? `Nothing is sure to keep the promise${worth === "no" ? "" : "; with more samples, something may"}.`
      : worth === null
      ? targetText(fit, answer)
      : sentences(sizeText(fit), speedText(fit), harmText(fit)),
    largerText(fit),
  );
}

const HARM_NAMES = {
  phrases: "phrases that repeat",
  sentences: "sentences that repeat, and wrong facts",
  sense: "text without sense",
};

/** What text to expect at the cost of the answer; empty at a small one. */
const harmText = ({ verdict: { harm } }: Fit) =>
  harm === null ? "" : `Expect ${HARM_NAMES[harm]}: so SmolLM2 writes at such a cost.`;

/** Whether the file alone is worth it. */
function sizeText(fit: Fit): string {
  const { size, share } = fit.verdict;
  const than = smallerText(fit);
  const enough = ` (${compact(100 * WORTH)} % would be worth it)`;
  if (size === "yes") return `Worth it for size: ${than}.`;
  return share! > 0 ? `Not for size: ${than}${enough}.` : `Not for size: the file is ${than}.`;
}

/** Whether the speed alone is worth it. */
function speedText({ times, verdict: { speed } }: Fit): string {
  if (!times || !speed) return "Speed not measured.";
  const { median, low, high } = times.decode;
  const range = `${formatFixed(low, 2)} to ${formatFixed(high, 2)}`;
  if (speed === "cannot tell") {
    return `Speed undecided: ${isBusy(times.decode) ? "the machine was busy, " : ""}${range} times.`;
  }
  return `${speed === "yes" ? "Worth it" : "Not"} for speed: ${formatFixed(median, 2)} times (${range}).`;
}

/** What a target costs, and what it gives: whether that is worth it, its reader knows. */
function targetText(fit: Fit, answer: number): string {
  const { aim, unit, times } = fit;
  const { cost } = costIn(fit, answer);
  const factor = unit === "points" ? "" : `, ${formatFixed(Math.exp(cost.value), 2)} times the perplexity`;
  return sentences(
    `It costs ${costText(aim, cost)} on the samples that confirm it${factor}.`,
    harmText(fit),
    `${fit.file ? "The file is" : "The weights are"} ${smallerText(fit)}.`,
    times !== null && `The model writes ${paceText(times.decode)}.`,
  );
}

/** What larger savings cost, by the samples that confirm where they do. */
function largerText(fit: Fit): string {
  const { aim, tried, answer, verdict: { larger } } = fit;
  const named = larger.slice(0, NAMED);
  const which = answer === null ? "savings" : "larger savings";
  if (named.length === 0) return limitsCost(aim) ? `No ${which} were tried.` : "";
  const costs = named.map(({ share, cost, confirmed, tried: place }) =>
    `${formatShare(share)} for ${costText(aim, cost, confirmed)} ${planPhrase(tried[place].drop)}`
  );
  const cost = aim.of === "perplexity" ? "their cost in perplexity" : "their cost";
  return sentences(
    `${capital(which)} that were tried, of ${baseText(fit)}, and ${cost}: ${costs.join("; ")}.`,
    named.some(({ confirmed }) => !confirmed) && "What was not confirmed likely costs more.",
  );
}

/** "0.6 % smaller than the model's own 98.4 MB". */
function smallerText(fit: Fit): string {
  const share = fit.verdict.share!;
  const size = formatShare(Math.abs(share));
  const by = size === formatShare(0) ? "no smaller" : `${size} ${share < 0 ? "larger" : "smaller"}`;
  return fit.file ? `${by} than ${baseText(fit)}` : by;
}
