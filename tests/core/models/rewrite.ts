/** A fixture's checkpoint written anew, with other names or tensors. */
import assert from "node:assert/strict";
import type { Model } from "core/models/mod.ts";
import { type Blocks, noDrop } from "core/run/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { fixture } from "../../fixtures/read.ts";
import { finalStreams } from "../run/states.ts";
import { withFixture } from "../../model.ts";
import { openFolder, tensorsIn, withFolder } from "../../support.ts";

export type Change = (tensors: Map<string, Tensor>) => void;
type Opened = Awaited<ReturnType<typeof openFolder>>;

/** Writes a fixture's tensors, changed, into a folder. */
export async function rewrite(name: string, folder: string, change: Change) {
  const { folder: from } = await fixture(name);
  const tensors = await tensorsIn(from);
  change(tensors);
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
  await Deno.copyFile(`${from}/config.json`, `${folder}/config.json`);
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
      using copy = await openFolder(folder);
      await use(copy, model, blocks);
    })
  );
}

export async function expectSame(copy: Model, model: Model, blocks: Blocks): Promise<void> {
  assert.deepEqual(await finalStreams(copy, blocks, [noDrop]), await finalStreams(model, blocks, [noDrop]));
}
