/** Fixtures whose MLPs have 256 units, since forms that count in 256 have no other width. */
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { fixture } from "../../fixtures/read.ts";
import { tensorsIn, withFolder } from "../../support.ts";
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
  const tensors = [...await tensorsIn(from)].map(([name, tensor], i) => {
    const wider = widened(name, tensor.shape);
    return [name, wider ? numbers(wider, i) : float32(tensor.shape, toFloat32(tensor))] as const;
  });
  await writeSafetensors(`${to}/model.safetensors`, new Map(tensors));
}

/** The shape of a tensor of an MLP at the other width; null for all other tensors. */
function widened(name: string, shape: readonly number[]): number[] | null {
  if (/\.mlp\.(gate|up)_proj\./.test(name)) return [UNITS, ...shape.slice(1)];
  if (/\.mlp\.gate_up_proj\./.test(name)) return [2 * UNITS, ...shape.slice(1)];
  return /\.mlp\.down_proj\.weight$/.test(name) ? [shape[0], UNITS] : null;
}
