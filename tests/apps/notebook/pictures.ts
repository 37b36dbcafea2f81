/**
 * Pictures for the documentation: one of each notebook, as the notebook drew it, and the README's, which `lamina figures` draws of the sweep in
 * `data/figures/quality.json`. Once notebooks were executed they are made anew by
 *
 *     deno run -A tests/apps/notebook/pictures.ts
 *
 * The sweep is measured again, as `lamina figures --only quality` measures it, by
 *
 *     deno run -A tests/apps/notebook/pictures.ts sweep
 */
import { folderOf } from "core/home/mod.ts";
import { resultText } from "core/result/mod.ts";
import { qualityFigure, type Sweep } from "features/sweep/mod.ts";
import { analyses, SIZES } from "../../../src/apps/pages/analyses/analyses.ts";
import { profile } from "features/profile/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { nameOf, notebooks, readCode, root, textOf } from "./notebook.ts";
import { readResult } from "features/by_name.ts";

/** Which of a notebook's pictures stands for it, counted from 0. */
const CHOSEN: Readonly<Record<string, number>> = {
  "01_importance": 0,
  "02_dropping": 1,
  "03_training_checkpoints": 0,
  "04_random_initialisation": 1,
  "05_causes": 0,
  "06_norm_placement": 5,
  "07_cosine_and_magnitude": 2,
  "08_speed_and_memory": 0,
  "09_explore": 0,
  "10_repair": 1,
  "11_bits": 0,
  "12_choices_and_texts": 0,
  "13_directions": 0,
  "14_spikes": 0,
};

const SWEEP = `${root}data/figures/quality.json`;

/** The sweep of the README's first picture. */
export const readmeSweep = async (): Promise<Sweep> => await readResult(SWEEP, "sweep");

/** Paths of the pictures, and what they have to hold. */
export async function pictures(): Promise<{ path: string; svg: string }[]> {
  const quality = {
    path: `${root}data/figures/quality.svg`,
    svg: `${qualityFigure(await readmeSweep()).svg}\n`,
  };
  const others = await Promise.all(
    Object.entries(CHOSEN).map(async ([name, index]) => {
      const drawn = (await readCode(`${notebooks}${name}.ipynb`)).flatMap(({ outputs }) =>
        outputs.flatMap((output) => textOf(output, "image/svg+xml") ?? [])
      );
      return { path: `${root}data/figures/${nameOf(name)}.svg`, svg: `${drawn[index].trim()}\n` };
    }),
  );
  return [quality, ...others];
}

/** Measures it, or finds it kept. */
async function measuredSweep(): Promise<Sweep> {
  using model = await openModel("smollm2-135m");
  const options = { results: folderOf("results"), onNotice: console.error };
  const importance = await profile(model, { ...SIZES.profile, ...options });
  return await analyses.quality.run({
    ...options,
    model: () => Promise.resolve(model),
    profile: () => Promise.resolve(importance),
  });
}

if (import.meta.main) {
  if (Deno.args[0] === "sweep") await Deno.writeTextFile(SWEEP, resultText(await measuredSweep()));
  for (const { path, svg } of await pictures()) await Deno.writeTextFile(path, svg);
}
