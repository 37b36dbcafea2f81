/** What paths cost: the cheapest of a map, measured again on samples that did not choose them. */
import { intervalSign, type Paths, RISE, type Rise, riseOf, type Way } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { counted, type Finding, reading, settingOf } from "../words/mod.ts";
import { fixed, originOf, recordsOf, type Table, tableOf } from "./table.ts";
import { pathText } from "../../measure/mod.ts";

type OnePath = Paths["paths"][number];

const WAYS: Readonly<Record<Way, (path: OnePath, layers: string) => string>> = {
  repeat: (_, layers) => `${layers} twice`,
  swap: (_, layers) => `${layers} swapped`,
  beside: (_, layers) => `${layers} side by side`,
  loop: ({ times }, layers) => `${layers} in a loop of ${times}`,
};

/** "layers 10 to 13 twice". */
export function wayText(path: OnePath): string {
  const { way, first, last } = path;
  const layers = first === last
    ? `layer ${first}`
    : `layers ${first} ${last - first > 1 ? "to" : "and"} ${last}`;
  return WAYS[way](path, layers);
}

type Confirmed = Paths["confirmed"][number];

/** The paths whose gain the samples that confirm decide, in the order of the map and up to the first that is not sure. */
export function gainsOf(result: Paths): Confirmed[] {
  const { confirmed } = result;
  const isGain = (own: Confirmed) => intervalSign(riseOf(result, own)) < 0;
  const open = confirmed.findIndex((own) => !isGain(own));
  return open < 0 ? confirmed : confirmed.slice(0, open);
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
  const { paths, confirmed, provenance, confirming } = result;
  const { layers } = provenance.model;
  const rows = paths.map((path, at) => ({ path, again: confirmed.find((own) => own.at === at) }))
    .sort((a, b) => a.path.rise - b.path.rise).slice(0, LISTED);
  const sure = gainsOf(result).length;
  const riseText = (point: Rise) => reading`${{ ...riseOf(result, point), decimals: 3 }}`;
  return [{
    title: `the cheapest of ${counted(paths.length, "path")} · ${settingOf(provenance)}`,
    ...tableOf(rows, [
      { title: "path", value: ({ path }) => wayText(path), align: "left" },
      { title: "time", value: ({ path: { visits } }) => visits / layers, format: fixed(2) },
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
  }];
}

/** A row a path. */
export function pathsRows({ provenance, paths, confirmed }: Paths): CsvRow[] {
  const again = new Map(confirmed.map((own) => [own.at, own]));
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
  ], originOf(provenance));
}
