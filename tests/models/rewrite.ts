/** A fixture's checkpoint written anew, with other names or tensors. */
import assert from "node:assert/strict";
import { openModel } from "../../src/hub/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { type Blocks, noDrop } from "../../src/run/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { finalStreams } from "../run/states.ts";
import { openFolder, withFixture, withFolder } from "../support.ts";

export type Change = (tensors: Map<string, Tensor>) => void;
type Opened = Awaited<ReturnType<typeof openFolder>>;

/** Writes a fixture's tensors, changed, into a folder. */
export async function rewrite(name: string, folder: string, change: Change) {
  const { folder: from } = await fixture(name);
  const files = await openModel(from);
  const file = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const key of file.tensors.keys()) tensors.set(key, await file.read(key));
  change(tensors);
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
  await Deno.copyFile(`${from}/config.json`, `${folder}/config.json`);
  file.close();
  files.close();
}

/** Puts another prefix in place of the root's ("model." or "gpt_neox."); the head has none. */
export function prefixed(prefix: string) {
  return (tensors: Map<string, Tensor>) => {
    for (const [key, tensor] of [...tensors]) {
      const renamed = key.replace(/^(model|gpt_neox)\./, prefix);
      tensors.delete(key);
      tensors.set(renamed, tensor);
    }
  };
}

/** Opens a fixture's copy with changed tensors beside the fixture; `rename` changes the folder before that. */
export function withCopy(
  name: string,
  change: Change,
  use: (copy: Opened, model: Model, blocks: Blocks) => Promise<void>,
  rename: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  return withFolder((folder) =>
    withFixture(name, async ({ model, blocks }) => {
      await rewrite(name, folder, change);
      await rename(folder);
      const copy = await openFolder(folder);
      try {
        await use(copy, model, blocks);
      } finally {
        copy.close();
      }
    })
  );
}

export async function expectSame(copy: Model, model: Model, blocks: Blocks): Promise<void> {
  assert.deepEqual(await finalStreams(copy, blocks, [noDrop]), await finalStreams(model, blocks, [noDrop]));
}
