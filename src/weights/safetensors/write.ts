/**
 * Writes one safetensors file, as the format's own library does: wide elements first, the header padded to 8 bytes, so
 * that every tensor is aligned to its element and can be mapped.
 */
import { writeWhole } from "../../disk/mod.ts";
import { byteSize, bytesOf, elements, type Tensor } from "../../tensor/mod.ts";
import { type Content, contentOf, type OutTensor } from "../content.ts";
import { quote } from "../limits.ts";
import { dtypes, PREFIX } from "./header.ts";

const typeNames = new Map(Object.entries(dtypes).map(([type, dtype]) => [dtype, type]));

/** Writes named tensors to `path`, whole or not at all. Throws `TypeError` if a tensor's data does not fit its dtype and shape. */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, Tensor>): Promise<void> {
  await writeWhole(path, safetensorsOf(tensors).parts());
}

/** The file of named tensors. Throws `TypeError` if a tensor's data does not fit its dtype and shape. */
export function safetensorsOf(tensors: ReadonlyMap<string, Tensor>): Content {
  return safetensorsContent([...tensors].map(([name, tensor]) => outgoing(name, tensor)));
}

/** The file of some tensors. Transformers requires the format to be named: "pt", for PyTorch. */
export function safetensorsContent(tensors: readonly OutTensor[]): Content {
  const width = ({ bytes, shape }: OutTensor) => bytes / Math.max(1, elements(shape));
  const inOrder = tensors.toSorted((a, b) => width(b) - width(a) || (a.name < b.name ? -1 : 1));
  const members: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  let end = 0;
  for (const { name, type, shape, bytes } of inOrder) {
    const start = end;
    end += bytes;
    members.push([name, { dtype: type, shape, data_offsets: [start, end] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(members)));
  const header = new Uint8Array(PREFIX + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - PREFIX), true);
  header.set(json, PREFIX);
  return {
    bytes: header.length + end,
    async *parts() {
      yield header;
      for (const tensor of inOrder) yield* tensor.parts();
    },
  };
}

function outgoing(name: string, { dtype, shape, data }: Tensor): OutTensor {
  if (name === "__metadata__") {
    throw new TypeError(`Cannot write a tensor named ${name}: the name is reserved, expected another`);
  }
  const bytes = elements(shape) * byteSize(dtype);
  if (data.BYTES_PER_ELEMENT !== byteSize(dtype) || data.byteLength !== bytes) {
    throw new TypeError(
      `Cannot write ${quote(name)}: ${data.byteLength} bytes, expected ${bytes} for ${dtype} [${shape}]`,
    );
  }
  const content = contentOf(bytesOf(data));
  return { name, type: typeNames.get(dtype)!, shape, ...content };
}
