/** Fixtures whose MLPs have 256 units, since forms that count in 256 have no other width. */
import { openModel as openFiles } from "../../src/hub/mod.ts";
import { type Tensor, toFloat32 } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { withFolder } from "../support.ts";
import { numbers } from "./changed.ts";

const UNITS = 256;

/** Hands over the folder of a fixture as float32, with other fields in its configuration, and MLPs that are made by a formula. */
export async function withWide(
  name: string,
  use: (folder: string) => Promise<void>,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const to = `${folder}/${name}`;
    await writeWide(name, to, fields);
    await use(to);
  });
}

/** Writes that folder. */
export async function writeWide(
  name: string,
  to: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { folder: from } = await fixture(name);
  const config = JSON.parse(await Deno.readTextFile(`${from}/config.json`));
  await Deno.mkdir(to, { recursive: true });
  const wide = { ...config, intermediate_size: UNITS, ...fields };
  await Deno.writeTextFile(`${to}/config.json`, JSON.stringify(wide));
  const files = await openFiles(from);
  const file = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const [tensor, { shape }] of file.tensors) {
    const wider = widened(tensor, shape);
    const own: Tensor = { dtype: "f32", shape, data: toFloat32(await file.read(tensor)) };
    tensors.set(tensor, wider ? numbers(wider, tensors.size) : own);
  }
  await writeSafetensors(`${to}/model.safetensors`, tensors);
  file.close();
  files.close();
}

/** The shape of a tensor of an MLP at the other width; null for all other tensors. */
function widened(name: string, shape: readonly number[]): number[] | null {
  if (/\.mlp\.(gate|up)_proj\./.test(name)) return [UNITS, ...shape.slice(1)];
  if (/\.mlp\.gate_up_proj\./.test(name)) return [2 * UNITS, ...shape.slice(1)];
  return /\.mlp\.down_proj\.weight$/.test(name) ? [shape[0], UNITS] : null;
}
