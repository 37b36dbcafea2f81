/** A tiny model with a tokenizer of letters, and a text for it, in a folder of their own. */
import { fileURLToPath } from "node:url";
import type { StudyOptions } from "core/study/options.ts";
import { openModel, openSeries, type StudyModel } from "core/subject/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { withFolder } from "../../support.ts";

/** A token for each letter and the space; ids below the 64 of the tiny models. */
const letters = [..." abcdefghijklmnopqrstuvwxyz"];
export const tinyTokenizer = {
  version: "1.0",
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: "BPE",
    vocab: Object.fromEntries(["<unk>", "<s>", "</s>", ...letters].map((token, id) => [token, id])),
    merges: [],
    unk_token: "<unk>",
  },
};

/** Enough for 20 blocks of 16 tokens, and no two blocks alike. */
const words =
  "the quick brown fox jumps over a lazy dog while seven wizards make toxic brew for an evil queen".split(
    " ",
  );
export const tinyText = Array.from({ length: 70 }, (_, i) => `${words[i % 19]} ${words[(i * i + 3) % 19]}`)
  .join(" ");

/** One sample, of which nothing is held out: a repair of random weights need not be better than the drop. */
export const unjudged = { samples: 1, length: 256 } as const;

/** What a study is opened with here. */
export interface Opened {
  readonly model: StudyModel;
  readonly folder: string;
  /** The text, blocks of 16 tokens, and a folder in which results are kept. */
  readonly options: StudyOptions & { readonly results: string };
}

/** Opens a fixture as a model for studies while `use` runs. */
export function withTiny(use: (opened: Opened) => Promise<void>, name = "llama"): Promise<void> {
  return withFolder(async (folder) => {
    const { folder: from } = await fixture(name);
    for (const { name: file } of Deno.readDirSync(from)) {
      if (/^(?:config\.json$|model)/.test(file)) await Deno.copyFile(`${from}/${file}`, `${folder}/${file}`);
    }
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(tinyTokenizer));
    await Deno.writeTextFile(`${folder}/text.txt`, tinyText);
    using model = await openModel(folder);
    const sizes = { samples: 4, length: 16, engine: "cpu" } as const; // also where there is a GPU
    const options = { text: `${folder}/text.txt`, ...sizes, results: `${folder}/results` };
    await use({ model, folder, options });
  });
}

/** Opens the trained model of a committed series, of eight layers, while `use` runs. */
export async function withTrained(name: string, use: (model: StudyModel) => Promise<void>): Promise<void> {
  const series = await openSeries(fileURLToPath(new URL(`../../../data/series/${name}`, import.meta.url)));
  using model = await series.checkpoints.at(-1)!.open();
  await use(model);
}

/** The model under a name that does not change with its folder. */
export function named(model: StudyModel, name = "tiny"): StudyModel {
  return { ...model, name, identity: { ...model.identity, name } };
}

/** The names of the kept results. */
export function kept(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Means of updates that a profile has of each module. */
export const MEANS = [
  ...["importance", "sign", "shareAbove2", "relativeMagnitude", "largestRelativeMagnitude"] as const,
];
