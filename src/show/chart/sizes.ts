/** Models of several sizes on one scale: shares of their modules instead of numbers, and names that fit a label. */
import { interval95, type LayerModule, withinBudget } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import { plain } from "../../entry/mod.ts";
import { isPaperCurve } from "./curves.ts";
import { fitted } from "./draw/text_width.ts";
import { hueOf, type Look } from "./draw/colors.ts";

/** One model's curve by importance. */
export interface SizeLine extends Look {
  readonly model: string;
  /** The name of its line: "qwen2.5-coder 1.5B". */
  readonly label: string;
  /** The shortest name that tells it from the others: "1.5B". */
  readonly size: string;
  readonly layers: number;
  readonly samples: number;
  readonly points: readonly SizePoint[];
}

type SweepPoint = Sweep["curves"][number]["points"][number];

/** A number of drops, with its share of the layers, and the 95 % interval of its rise where samples give one. */
interface SizePoint extends SweepPoint {
  readonly share: number;
  readonly low?: number;
  readonly high?: number;
}

/** The curves of a kind of module by importance, one for each sweep that has it. */
export function sizeLines(sweeps: readonly Sweep[], kind: LayerModule): SizeLine[] {
  const names = sweeps.map(({ provenance }) => sizedName(provenance.model.name));
  const sizes = new Set(names.map(({ size }) => size));
  const isDistinct = sizes.size === names.length && !sizes.has(null);
  return sweeps.flatMap(({ curves, provenance }, i) => {
    const curve = curves.find((curve) => curve.target === kind && isPaperCurve(curve));
    if (!curve) return [];
    const { model: { name, layers }, packing: { samples } } = provenance;
    const { label, size } = names[i];
    const points = curve.points.map((point) => pointOf(point, layers, samples));
    return [{ ...hueOf(i), model: name, label, size: isDistinct ? size! : label, layers, samples, points }];
  });
}

function pointOf(point: SweepPoint, layers: number, samples: number): SizePoint {
  const [low, high] = interval95(point.rise, point.riseError, samples);
  const share = point.dropped / layers;
  return { ...point, share, ...point.dropped > 0 && Number.isFinite(high - low) ? { low, high } : {} };
}

/** A name that a title can hold. */
const shortenedTo = (name: string) => fitted(name, 220, 16);

/** "smollm2-135m-instruct-q4_1" → "smollm2 135M". */
function sizedName(name: string): { readonly label: string; readonly size: string | null } {
  const found = /^(.*?)[-_. ]?\b(\d+(?:\.\d+)?)([mb])(?![a-z\d])/i.exec(plain(name));
  if (!found) return { label: shortenedTo(plain(name)), size: null };
  const size = `${found[2]}${found[3].toUpperCase()}`;
  return { label: `${shortenedTo(found[1])} ${size}`.trim(), size };
}

/** How many modules each model can lose within a budget of nats: "4 of 30 (135M), cannot tell 2 from 4 of 24 (0.5B)". */
export function allowedText(lines: readonly SizeLine[], budget: number): string {
  return lines.map(({ size, layers, samples, points }) => {
    const { atLeast, atMost } = withinBudget(points, budget, samples);
    const all = points.at(-1)!.dropped;
    const more = atLeast === all && all < layers ? " or more" : "";
    const number = atLeast === atMost ? `${atLeast}${more}` : `${atLeast} to ${atMost}`;
    return `${number} of ${layers} (${size}${atLeast === atMost ? "" : ", cannot tell"})`;
  }).join(", ");
}
