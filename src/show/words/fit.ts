/** The answer of a fit in words: what may go, what it costs, what it saves. */
import { planPhrase } from "../../measure/mod.ts";
import { formatBytes } from "../../entry/mod.ts";
import {
  coarserType,
  type Fit,
  isClearPace,
  largerSavings,
  SCORES,
  sharedSaving,
  WORTH,
  worthOf,
} from "../../result/mod.ts";
import { computedText, modelOf, settingOf, sharedText, tokensOf } from "./names.ts";
import { counted, documentsText, formatFixed, formatShare } from "./numbers.ts";
import { capital, reading, sentences } from "./reading.ts";

type Tried = Fit["tried"][number];
type Cost = Tried["cost"];
type Aim = Fit["aim"];

/** A number as people would type it: 10, not 10.0. */
const compact = (value: number) => String(Number(value.toPrecision(3)));

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

/** A cost with its interval: "0.0123 nats per token (95 %: 0.0041 to 0.0205)", with documents where the promise's decision ended the asking. */
export function costText(aim: Aim, { value, low, high, asked }: Cost): string {
  const { write, unit } = costsOf(aim);
  const on = asked ? `; ${documentsText(asked.documents, asked.of)}` : "";
  return `${write(value)} ${unit} (95 %: ${write(low)} to ${write(high)}${on})`;
}

/** The promise: "loss rises by at most 0.01 nats per token". */
export function promiseText({ of, amount, tasks = [], context }: Aim): string {
  const saved = amount <= 1 ? `${compact(100 * amount)} % of the` : amount.toLocaleString("en-US");
  switch (of) {
    case "loss":
      return `the loss rises by at most ${amount} nats per token`;
    case "perplexity":
      return `the perplexity rises by at most ${compact(100 * amount)} %`;
    case "accuracy":
      return `the accuracy on ${tasks.join(", ")} falls by at most ${counted(amount, "point")}`;
    case "parameters":
      return `at least ${saved} parameters are saved`;
    case "kv-bytes":
      return `at least ${saved} bytes of keys and values of ${context} tokens are saved`;
    case "speed":
      return `decoding is at least ${amount} times as fast`;
  }
}

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
export function wayText({ by, repair }: Pick<Tried, "by" | "repair">): string {
  const order = SCORES[by].title ?? by;
  return `by ${order}${repair ? `, repaired by ${repair}` : ""}`;
}

/** What a plan saves: "3.5 MB of the 98.4 MB gguf-deci file (3.6 %), 3.5 % of the parameters and 13.3 % of the keys and values". */
export function savingText({ file }: Pick<Fit, "file">, { saves, bytes }: Tried): string {
  const { parametersShare, kvShare } = saves;
  const less = file && bytes ? file.whole - bytes : null;
  const what = file && `${formatBytes(file.whole)} ${file.format} file`;
  return reading`${
    less !== null &&
    (less > 0
      ? `${formatBytes(less)} of the ${what} (${formatShare(less / file!.whole)}), `
      : `nothing of the ${what}, `)
  }${formatShare(parametersShare)} of the parameters and ${formatShare(kvShare)} of the keys and values`;
}

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
  if (!cheapest) return `No plan was tried: ${noneFits(fit)}. Other targets or another format may do.`;
  const failed = confirmed.at(-1);
  return sentences(
    "Nothing is sure to keep the promise.",
    failed &&
      reading`A plan that kept the promise on the samples that choose does not on those that confirm:
        ${planPhrase(tried[failed.tried].drop)}, the cost is ${costText(aim, failed.cost)}.`,
    `The cheapest plan, ${planPhrase(cheapest.drop)}, costs ${costText(aim, cheapest.cost)}.`,
  );
}

/** Why a fit tried no plan: it tries only those that make the file smaller. */
const noneFits = ({ file }: Fit) =>
  `a ${file?.format ?? "smaller"} file cannot hold the plans that were sought, or they make it no smaller`;

/** The larger savings that a verdict names. */
const NAMED = 3;

/** Whether the answer is worth it here, what larger savings cost on the samples that choose, and what else saves as much. */
export function verdictText(fit: Fit): string {
  const { aim, tried, answer, file, times } = fit;
  if (tried.length === 0) return sentences(`Not worth it here: ${noneFits(fit)}.`, elseText(fit));
  const where = answer === null || times ? "here" : "for the file alone";
  const found = { yes: "Worth it", no: "Not worth it", "cannot tell": "Cannot tell whether it is worth it" };
  const speed = times ? `the model writes ${paceText(times.decode)}` : "the speed was not measured";
  const gains = answer === null
    ? "no plan is sure to keep the promise"
    : reading`${file ? "the file gets" : "the weights get"} ${smallerText(fit, tried[answer])}
      and ${speed} (worth it from ${formatShare(WORTH)} on)`;
  const costs = largerSavings(fit).slice(0, NAMED).map((one) =>
    `${formatShare(sharedSaving(fit, one))} for ${costText(aim, one.cost)} ${planPhrase(one.drop)}`
  );
  const of = `${answer === null ? "savings" : "larger savings"} that were tried`;
  const next = costs.length > 0
    ? `${of}, and their cost${aim.of === "perplexity" ? " in perplexity" : ""}: ${costs.join(", ")}`
    : "no larger saving was tried";
  return sentences(`${found[worthOf(fit)]} ${where}: ${gains}; ${next}.`, elseText(fit));
}

/** What saves as much without dropping a module; no study has measured its cost. */
function elseText(fit: Fit): string {
  const { aim: { context }, tried, answer } = fit;
  const other = coarserType(fit);
  const kept = context === undefined || answer === null
    ? null
    : Math.floor((1 - tried[answer].saves.kvShare) * context);
  const ways = [
    ...other
      ? [`${other.type} instead of ${other.own} makes matrices ${formatShare(other.share)} smaller`]
      : [],
    ...kept === null ? [] : [`windows of ${kept} keys save as much of ${context} tokens`],
  ];
  const much = answer === null ? "" : " as much";
  return ways.length > 0
    ? `What else saves${much}, at a cost that was not measured: ${ways.join("; ")}.`
    : "";
}

/** "0.6 % smaller", than the model's own where that is not the size that `savingText` names. */
function smallerText({ file }: Fit, own: Tried): string {
  const share = sharedSaving({ file }, own);
  const size = formatShare(Math.abs(share));
  const than = share < 0 || file && file.original < file.whole ? " than the model's own" : "";
  if (size === formatShare(0)) return `no smaller${than}`;
  return `${size} ${share < 0 ? "larger" : "smaller"}${than}`;
}
