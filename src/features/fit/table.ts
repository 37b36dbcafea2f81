/** The answer of a fit, its confirmation, and all plans that were tried. */
import {
  answerText,
  baseText,
  byCost,
  costsOf,
  fitSetting,
  halfText,
  kvShareOf,
  promiseText,
  verdictText,
} from "./words.ts";
import { checkLines } from "../orders/mod.ts";
import { counted, formatShare, intervalWords, KIND_NAMES, modules, reading } from "core/show/words/mod.ts";
import { planHash, planText } from "core/measure/mod.ts";
import type { Fit } from "./result.ts";
import { limitsCost, sharedSaving } from "./worth.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { roundsText } from "../evaluate/mod.ts";
import { type Column, lines, originOf, record, type Table, tableOf } from "core/show/tables/table.ts";

type Row = Fit["tried"][number];

/** Rows of the table besides the answer. */
const RUNNERS_UP = 4;

/** The answer, then the plans that were confirmed, then the runners-up and the cheapest of the others. */
export function fitTables(fit: Fit): Table[] {
  const { aim, tried, confirmed, provenance, confirming, file, beside } = fit;
  const { model } = provenance;
  const { packing: { skip } } = confirming;
  const asked = askedIn(fit);
  const shared = `${file ? "file" : "weights"}: share of ${baseText(fit)}`;
  const format = file?.format.startsWith("gguf") && /^safetensors/.test(model.format)
    ? [`file: ${file.format} (\`format\` hf for transformers)`]
    : [];
  const after = skip > 0 ? `, after the first ${skip}` : "";
  const others = shownOf(fit);
  const ways = waysOf(fit).length === 1 ? `, by ${waysOf(fit)[0]}` : "";
  return [
    lines(
      [...format, `${promiseText(aim)} · ${fitSetting(fit)}`].join(" · "),
      verdictText(fit),
      answerText(fit),
    ),
    ...confirmed.length === 0 ? [] : [{
      title: reading`confirmed on ${asked && "at most "}${halfText(fit, confirming)}${after}, smallest plan
        first`,
      ...tableOf(confirmedOf(fit), [...columnsOf(fit), ...asked ? [ASKED] : []]),
      notes: asked ? [roundsNote(asked)] : [],
    }],
    ...!beside ? [] : [{
      title: reading`as large a saving by other means, on ${halfText(fit, confirming)}`,
      ...tableOf(beside, besideColumns(fit)),
      notes: [
        "dearer: whether the plan costs more than the answer there (paired, 95 %); the JSON has by how much",
      ],
    }],
    ...tried.length === 0 ? [] : [{
      ...others.length === 0 ? lines(undefined) : {
        title: `${confirmed.length > 0 ? "other plans" : "plans"}, on the samples that chose: ${
          halfText(fit, provenance)
        }`,
        ...tableOf(others, columnsOf(fit)),
      },
      notes: [
        reading`${shared} that the plan saves; KV: share of the keys and values${
          limitsCost(aim) && "; kept: whether the promise is kept (95 %)"
        }`,
        `${
          counted(new Set(tried.map(({ drop }) => planHash(drop))).size, "plan")
        } tried in all${ways}; the CSV and the JSON list them`,
        ...checksOf(fit),
      ],
    }],
  ];
}

/** What the checks of orders found; why a module goes last is said once. */
const checksOf = ({ checks = [] }: Fit): string[] =>
  checks.flatMap((check, i) =>
    checkLines(check, checks.slice(0, i).flatMap(({ last }) => last))
      .map((line) => `${KIND_NAMES[check.target]} by ${check.by}: ${line}`)
  );

function confirmedOf({ tried, confirmed }: Fit): Row[] {
  return confirmed.map(({ tried: place, ...test }, i) => {
    if (tried[place]) return { ...tried[place], ...test };
    const plans = counted(tried.length, "plan");
    throw new RangeError(
      `Cannot show a fit: confirmed[${i}].tried is ${place}, expected a place among ${plans}`,
    );
  });
}

/** Runners-up, then the cheapest of those that are not shown yet; each plan once. */
function shownOf(fit: Fit): Row[] {
  const { tried, runnersUp, answer } = fit;
  const seen = new Set(answer === null ? [] : [planHash(tried[answer].drop)]);
  const unseen = (place: number) => seen.size < seen.add(planHash(tried[place].drop)).size;
  const first = runnersUp.filter(unseen).slice(0, RUNNERS_UP);
  const rest = byCost(fit).filter((place) => !first.includes(place)).filter(unseen);
  return [...first, ...rest.slice(0, 2 * RUNNERS_UP - first.length)].map((place) => tried[place]);
}

/** How a plan was found; where it is the same for every plan, a line below the table says it and no column does. */
const byText = ({ by, repair, exchanged }: Row) =>
  [by, repair, exchanged && "exchanged"].filter(Boolean).join(", ");
const waysOf = ({ tried }: Fit) => [...new Set(tried.map(byText))];

/** What a plan saves, of the file or of weights, and of keys and values; what it costs, with its interval. */
function numbersOf(fit: Fit): Column<Row>[] {
  const { aim, file } = fit;
  const { title, write } = costsOf(aim);
  const share = (value: string | number) => formatShare(Number(value));
  const signed = (value: string | number) =>
    Number(value) < 0 ? `−${formatShare(-Number(value))}` : share(value);
  return [
    file
      ? { title: "file", value: (one) => one.bytes && sharedSaving(fit, one), format: signed }
      : { title: "weights", value: ({ saves }) => saves.parametersShare, format: share },
    { title: "KV", value: (one) => kvShareOf(fit, one), format: share },
    { title, value: ({ cost }) => write(cost.value) },
    { title: "95 %", value: ({ cost: { low, high } }) => `${write(low)} to ${write(high)}` },
  ];
}

const columnsOf = (fit: Fit): Column<Row>[] => [
  { title: "plan", value: ({ drop }) => planText(drop), align: "left" },
  ...waysOf(fit).length > 1 ? [{ title: "by", value: byText, align: "left" } as const] : [],
  ...numbersOf(fit),
  ...limitsCost(fit.aim) ? [{ title: "kept", value: ({ keeps }: Row) => keeps, align: "left" } as const] : [],
];

type Beside = NonNullable<Fit["beside"]>[number];

/** Plans in few words, since the CSV has them. */
function besideColumns(fit: Fit): Column<Beside>[] {
  const [saved, _kv, ...cost] = numbersOf(fit);
  const words = { above: "yes", below: "no", neither: "cannot tell" };
  return [
    {
      title: "means",
      value: ({ target, by, dropped }) => target === "types" ? `types by ${by}` : modules(target, dropped),
      align: "left",
    },
    saved,
    ...cost,
    { title: "dearer", value: ({ over }) => intervalWords(over, words) },
  ];
}

const ASKED: Column<Row> = { title: "documents", value: ({ cost: { asked } }) => asked?.documents };

const askedIn = ({ confirmed }: Fit) => confirmed.find(({ cost }) => cost.asked)?.cost.asked;

const roundsNote = ({ of }: NonNullable<ReturnType<typeof askedIn>>) =>
  `asked in random order of ${of} documents, each plan until its promise is decided ${
    roundsText("intervals")
  }`;

/** A row a plan: those tried, then those confirmed. */
export function fitRows(fit: Fit): CsvRow[] {
  const { aim, unit, tried, confirmed, answer } = fit;
  const rows = (on: string, of: readonly Row[], origin: Fit["provenance"], placeOf: (i: number) => number) =>
    of.map((one, i) => {
      const { target, by, repair, dropped, drop, bytes, saves: { parametersShare }, cost, keeps } = one;
      return record({
        ...{ ...originOf(origin), aim: aim.of, amount: aim.amount, unit, on, target: KIND_NAMES[target] },
        ...{ by, repair, dropped, bytes, parameters_share: parametersShare, cost: cost.value },
        ...{ low: cost.low, high: cost.high, plan: planText(drop), kv_share: kvShareOf(fit, one) },
        ...limitsCost(aim) ? { keeps } : {},
        ...askedIn(fit) ? { asked: cost.asked?.documents } : {},
        answer: placeOf(i) === answer ? "yes" : "no",
      });
    });
  return [
    ...rows("choosing", tried, fit.provenance, (i) => i),
    ...rows("confirming", confirmedOf(fit), fit.confirming, (i) => confirmed[i].tried),
    ...rows("confirming, as large", fit.beside ?? [], fit.confirming, () => NaN),
  ];
}
