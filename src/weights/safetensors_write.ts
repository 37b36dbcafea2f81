/**
 * Writes one safetensors file, as the format's own library does: wide elements first, the header padded to 8 bytes, so
 * that every tensor is aligned to its element and can be mapped.
 */
import { byteSize, elements, type Tensor } from "../tensor/mod.ts";
import { quote } from "./errors.ts";
import { dtypes, PREFIX } from "./safetensors_header.ts";

const typeNames = new Map(Object.entries(dtypes).map(([type, dtype]) => [dtype, type]));

/**
 * Writes named tensors to `path`. The file appears complete or not at all: it is written to a temporary file and renamed.
 * Throws `TypeError` if a tensor's data does not fit its dtype and shape.
 */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, Tensor>): Promise<void> {
  const inOrder = [...tensors].sort(([a, x], [b, y]) =>
    byteSize(y.dtype) - byteSize(x.dtype) || (a < b ? -1 : a > b ? 1 : 0)
  );
  for (const [name, tensor] of inOrder) check(name, tensor);
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    using file = await Deno.open(part, { write: true, createNew: true });
    await writeAll(file, header(inOrder));
    for (const [, { data }] of inOrder) {
      await writeAll(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    await file.sync();
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {}); // it may never have been there
    throw error;
  }
}

function check(name: string, { dtype, shape, data }: Tensor) {
  if (name === "__metadata__") {
    throw new TypeError(`Cannot write a tensor named ${name}: the name is reserved, expected another`);
  }
  const bytes = elements(shape) * byteSize(dtype);
  if (data.BYTES_PER_ELEMENT !== byteSize(dtype) || data.byteLength !== bytes) {
    throw new TypeError(
      `Cannot write ${quote(name)}: ${data.byteLength} bytes, expected ${bytes} for ${dtype} [${shape}]`,
    );
  }
}

/** Length and JSON. Transformers requires the format to be named: "pt", for PyTorch. */
function header(tensors: readonly (readonly [string, Tensor])[]): Uint8Array {
  const members: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const start = end;
    end += data.byteLength;
    members.push([name, { dtype: typeNames.get(dtype), shape, data_offsets: [start, end] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(members)));
  const padded = new Uint8Array(PREFIX + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - PREFIX), true);
  padded.set(json, PREFIX);
  return padded;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array) {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}
