/**
 * Untrained models for the figures: the shape of Llama-2-7B made smaller, since what decides which module turns the stream
 * further is the deviation of a product, σ√D, and the place of the norms. The models are those of notebook 04, so that what
 * one has computed the other finds kept.
 */
import { reportsOf } from "core/entry/mod.ts";
import { inTurn } from "core/study/stage.ts";
import { type NamedConfig, openConfig } from "core/subject/mod.ts";
import {
  atWidth,
  type InitModel,
  initModel,
  initModels,
  type RandomInitOptions,
  ratioMap,
} from "../../../features/untrained/mod.ts";

const NORMS = ["pre", "peri", "post"] as const;
const LAYERS = 8;
/** Widths and standard deviations of the models on the map. */
const BESIDE = [[256, 0.02], [1024, 0.05]] as const;
const MOST = [[64, 0.02], [128, 0.05], [256, 0.08], [576, 0.02], [1024, 0.02], [1024, 0.05]] as const;
const PLACES = { pre: [...MOST, [2048, 0.02], [2048, 0.007]] as const, peri: BESIDE, post: BESIDE };
/** Where the map is computed: finely where there is a border to see. */
const GRIDS = { pre: grid(15, 9), peri: grid(8, 5), post: grid(8, 5) };

/** Models that differ in width, standard deviation or norm placement, to compare with the closed form. */
export async function untrainedModels(options: RandomInitOptions): Promise<InitModel[]> {
  const llama = await openConfig("llama-2-7b", reportsOf(options));
  const changes = {
    narrow: {},
    wide: { ...atWidth(llama, 2048), seeds: 4 },
    "SmolLM2's deviation": { std: 1 / 24 },
    "large deviation": { ...atWidth(llama, 256), std: 0.1 },
    peri: { norm: "peri" },
    post: { norm: "post" },
  } as const;
  const common = { samples: 2, length: 256, ...options, ...atWidth(llama, 576), layers: LAYERS, seeds: 8 };
  return await initModels(llama, changes, common);
}

/** Maps over width and deviation, one for each place of the norms, and the models on them. */
export async function untrainedMaps(options: RandomInitOptions) {
  const llama = await openConfig("llama-2-7b", reportsOf(options));
  const plane = { samples: 1, length: 128, ...options, layers: LAYERS };
  const places = NORMS.flatMap((norm) => PLACES[norm].map(([hidden, std]) => ({ norm, hidden, std })));
  const models = await inTurn(
    places,
    plane,
    ({ norm, hidden, std }, own) =>
      initModel(llama, { ...own, ...atWidth(llama, hidden), std, norm, seeds: seedsAt(hidden) }),
    { weight: ({ hidden }) => seedsAt(hidden) * hidden ** 2 }, // a pass grows with the square of the width
  );
  const maps = [];
  for (const norm of NORMS) {
    const own = models.filter((_, place) => places[place].norm === norm);
    maps.push({ norm, models: own, points: await points(llama, norm, plane) });
  }
  return maps;
}

const seedsAt = (hidden: number): number => Math.max(1, Math.min(8, Math.floor(4096 / hidden)));

/** The closed form's, a width at a time, so that a stop is heard in between. */
async function points(named: NamedConfig, norm: typeof NORMS[number], options: RandomInitOptions) {
  const { widths, stds } = GRIDS[norm];
  const columns = [];
  for (const width of widths) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    options.signal?.throwIfAborted();
    columns.push(ratioMap(named, { ...options, norm, widths: [width], stds }));
  }
  return columns.flat();
}

/** Widths from 64 to 8192 that are divisible by 32, deviations from 0.005 to 0.1, both in even ratios. */
function grid(columns: number, rows: number) {
  const between = (from: number, to: number, n: number) =>
    Array.from({ length: n }, (_, i) => from * (to / from) ** (i / (n - 1)));
  return {
    widths: between(64, 8192, columns).map((width) => 32 * Math.round(width / 32)),
    stds: between(0.005, 0.1, rows),
  };
}
