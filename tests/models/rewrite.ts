/** A fixture's checkpoint written anew, with other names or tensors. */
import { openModel } from "../../src/hub/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { fixture } from "../fixtures/read.ts";

/** Writes a fixture's tensors, changed, into a folder. */
export async function rewrite(name: string, folder: string, change: (tensors: Map<string, Tensor>) => void) {
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
