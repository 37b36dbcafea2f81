/**
 * The README's pictures of notebooks: one of each, as the notebook drew it. Made anew by
 * `deno run -A tests/notebooks/pictures.ts` once notebooks were executed.
 */
import { nameOf, notebooks, readCode, root, textOf } from "./notebook.ts";

/** Which of a notebook's pictures stands for it, counted from 0. */
const CHOSEN: Readonly<Record<string, number>> = {
  "01_importance": 0,
  "02_dropping": 5,
  "03_training_checkpoints": 5,
  "04_random_initialisation": 3,
  "05_causes": 7,
  "06_norm_placement": 7,
  "07_cosine_and_magnitude": 2,
  "08_speed_and_memory": 1,
  "09_explore": 0,
};

/** Paths of the pictures, and what they have to hold. */
export async function pictures(): Promise<{ path: string; svg: string }[]> {
  return await Promise.all(
    Object.entries(CHOSEN).map(async ([name, index]) => {
      const drawn = (await readCode(`${notebooks}${name}.ipynb`)).flatMap(({ outputs }) =>
        outputs.flatMap((output) => textOf(output, "image/svg+xml") ?? [])
      );
      return { path: `${root}data/figures/${nameOf(name)}.svg`, svg: `${drawn[index].trim()}\n` };
    }),
  );
}

if (import.meta.main) {
  for (const { path, svg } of await pictures()) await Deno.writeTextFile(path, svg);
}
