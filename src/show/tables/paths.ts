/** Lists the cheapest paths of a map, and what they cost on samples that did not choose them. */
import { intervalSign, type Paths, RISE, type Rise, riseOf } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import {
  counted,
  type Finding,
  formatPoints,
  formatPointsRange,
  formatShare,
  pointsText,
  reading,
  settingOf,
} from "../words/mod.ts";
import { type Column, fixed, originOf, recordsOf, type Table, tableOf } from "./table.ts";
import { pathText, type Way } from "../../measure/mod.ts";

type OnePath = Paths["paths"][number];

/** What happens to the layers of a path, by its way. */
export const HAPPENS: Readonly<Record<Exclude<Way, "loop">, string>> = {
  repeat: "twice",
  swap: "swapped",
  beside: "side by side",
};

/** "layers 10 to 13 twice". */
export function wayText({ way, first, last, times }: OnePath): string {
  const layers = first === last
    ? `layer ${first}`
    : `layers ${first} ${last - first > 1 ? "to" : "and"} ${last}`;
  return `${layers} ${way === "loop" ? `in a loop of ${times}` : HAPPENS[way]}`;
}

/** The first of some paths whose gain the samples or documents that confirm decide, up to the first that is not sure. */
function sureIn<T>(confirmed: readonly T[], isGain: (own: T) => boolean): readonly T[] {
  const open = confirmed.findIndex((own) => !isGain(own));
  return open < 0 ? confirmed : confirmed.slice(0, open);
}

/** The paths that surely lower the loss, in the order of the map. */
const gainsOf = (result: Paths) => sureIn(result.confirmed, (own) => intervalSign(riseOf(result, own)) < 0);

type Accuracy = NonNullable<Paths["accuracy"]>;
type Change = Accuracy["changes"][number];

/** The paths that surely raise the accuracy, in the order of the map. */
const raisesOf = ({ confirmed }: Accuracy) => sureIn(confirmed, (own) => intervalSign(own) > 0);

/** What the documents that confirm decide about the most accurate path. */
export function accuracyReading({ paths, accuracy }: Paths): string | false {
  if (!accuracy) return false;
  const { tasks, confirmed: [best] } = accuracy;
  const change = `${wayText(paths[best.at])}: ${pointsText(best)} of mean accuracy on ${tasks.join(", ")}`;
  return raisesOf(accuracy).length > 0
    ? `The most accurate path gains on documents that did not choose it: ${change}.`
    : `No path gains accuracy as far as these documents can tell. The most accurate on the map, again: ${change}.`;
}

/** What the samples that confirm decide about the cheapest path. */
export function pathsFinding(result: Paths): Finding {
  const { paths, confirmed: [cheapest] } = result;
  const count = counted(paths.length, "path");
  if (gainsOf(result).length > 0) {
    return { found: `Of ${count} the best lowers the loss: ${wayText(paths[cheapest.at])}` };
  }
  return intervalSign(riseOf(result, cheapest)) > 0
    ? { found: reading`The cheapest of ${count} costs ${{ measured: cheapest.rise }} nats per token` }
    : { open: `whether any of ${count} lowers the loss` };
}

/** How many of the cheapest paths are listed. */
const LISTED = 10;

export function pathsTables(result: Paths): Table[] {
  const { paths, confirmed, provenance, confirming, accuracy } = result;
  const rows = paths.map((path, at) => ({ path, again: confirmed.find((own) => own.at === at) }))
    .sort((a, b) => a.path.rise - b.path.rise).slice(0, LISTED);
  const sure = gainsOf(result).length;
  const riseText = (point: Rise) => reading`${{ ...riseOf(result, point), decimals: 3 }}`;
  return [{
    title: `the cheapest of ${counted(paths.length, "path")} · ${settingOf(provenance)}`,
    ...tableOf(rows, [
      ...pathColumns(result),
      { title: RISE, value: ({ path }) => riseText(path) },
      { title: "again", value: ({ again }) => again && riseText(again) },
    ]),
    notes: [
      "",
      `time: runs of layers over those of the full model; ${RISE} and again: nats per token, 95 % intervals paired over samples`,
      `again: on the next ${counted(confirming.packing.samples, "sample")}, which did not choose them`,
      sure === 0
        ? "no path lowers the loss as far as these samples can tell"
        : `${counted(sure, "path")} with a lower loss on samples that did not choose, the best: path ${
          pathText(paths[confirmed[0].at].path)
        }`,
    ],
  }, ...accuracy ? [accuracyTable(result, accuracy)] : []];
}

const pathColumns = ({ provenance }: Paths): Column<{ readonly path: OnePath }>[] => [
  { title: "path", value: ({ path }) => wayText(path), align: "left" },
  { title: "time", value: ({ path: { visits } }) => visits / provenance.model.layers, format: fixed(2) },
];

/** A change in points with its interval, as in the columns of nats: "−1.2 (−3.0 to 0.6)". */
const changeText = ({ difference, low, high }: Change) =>
  `${formatPoints(difference)} (${formatPointsRange(low, high, " to ")})`;

function accuracyTable(result: Paths, accuracy: Accuracy): Table {
  const { paths } = result;
  const { tasks, value, changes, confirmed, provenance, confirming } = accuracy;
  const rows = paths.map((path, at) => (
    { path, change: changes[at], again: confirmed.find((own) => own.at === at) }
  )).sort((a, b) => b.change.difference - a.change.difference || a.path.rise - b.path.rise).slice(0, LISTED);
  const sure = raisesOf(accuracy);
  const [choosing, others] = [provenance, confirming].map(({ packing }) =>
    counted(packing.samples, "document")
  );
  return {
    title: `the most accurate of them on ${choosing} of ${tasks.join(", ")}; the full model: ${
      formatShare(value)
    }`,
    ...tableOf(rows, [
      ...pathColumns(result),
      { title: "points", value: ({ change }) => changeText(change) },
      { title: "again", value: ({ again }) => again && changeText(again) },
      {
        title: `within ${formatPoints(changes[0].margin)}`,
        value: ({ again }) => again?.verdict,
        align: "left",
      },
    ]),
    notes: [
      "",
      "points: change of the mean accuracy, exact 95 % intervals paired over documents",
      `again: on the next ${others}, which did not choose them; within: whether the change there is within so many points`,
      sure.length === 0
        ? "no path raises the accuracy as far as these documents can tell"
        : `${
          counted(sure.length, "path")
        } with a higher accuracy on documents that did not choose, the best: path ${
          pathText(paths[sure[0].at].path)
        }`,
    ],
  };
}

/** A row a path. */
export function pathsRows({ provenance, paths, confirmed, accuracy }: Paths): CsvRow[] {
  const again = new Map(confirmed.map((own) => [own.at, own]));
  const asked = new Map(accuracy?.confirmed.map((own) => [own.at, own]));
  return recordsOf([...paths.entries()], [
    { key: "way", value: ([, { way }]) => way },
    { key: "first", value: ([, { first }]) => first },
    { key: "last", value: ([, { last }]) => last },
    { key: "times", value: ([, { times }]) => times },
    { key: "path", value: ([, { path }]) => pathText(path) },
    { key: "visits", value: ([, { visits }]) => visits },
    { key: "rise", value: ([, { rise }]) => rise },
    { key: "rise_error", value: ([, { riseError }]) => riseError },
    { key: "again", value: ([at]) => again.get(at)?.rise },
    { key: "again_error", value: ([at]) => again.get(at)?.riseError },
    ...accuracy
      ? [
        ...changeColumns("change", (at) => accuracy.changes[at]),
        ...changeColumns("change_again", (at) => asked.get(at)),
      ]
      : [],
  ], originOf(provenance));
}

/** A change of accuracy, as a share, with its interval and verdict. */
function changeColumns(key: string, of: (at: number) => Change | undefined): Column<[number, OnePath]>[] {
  return [
    { key, value: ([at]) => of(at)?.difference },
    { key: `${key}_low`, value: ([at]) => of(at)?.low },
    { key: `${key}_high`, value: ([at]) => of(at)?.high },
    { key: `${key}_verdict`, value: ([at]) => of(at)?.verdict },
  ];
}
