/**
 * Rounding to every type of blocks, on every core: by ggml's own encoders (`lamina ggml`), and where it is not installed, the plain types by
 * ours. With importance both write the same bytes. Without it, the plain types are ours alone: rounding to Q4_0, Q4_1, Q5_0 and Q5_1 again
 * changes nothing then. IQ4_NL is always ours, which is twice as fast as ggml's.
 */
import { ggmlLibrary } from "../../libraries/mod.ts";
import { memoryOf, openThreads, type Tensor, THREADS, toFloat32 } from "../../tensor/mod.ts";
import {
  encodeBlocks,
  inRange,
  plainTypes,
  readTensor,
  roomFor,
  type RowRounding,
} from "../blocks/encode.ts";
import { mayUseMemory } from "../blocks/decoders.ts";
import type { EncodeTask } from "../blocks/encode_worker.ts";
import { ranges } from "../content.ts";
import { ggmlNumbers } from "./types.ts";

/** Numbers that one call rounds: a signal is heard after each. */
const PIECE = 2 ** 18;
/** Numbers below which our encoders run on this thread: some ten milliseconds' work where a scale is searched. */
const WORTH_SHARING = { searched: 2 ** 16, plain: 2 ** 21 };

const symbols = {
  quantize: {
    name: "ggml_quantize_chunk",
    parameters: ["i32", "buffer", "buffer", "i64", "i64", "i64", "buffer"],
    result: "usize",
    nonblocking: true,
  },
} as const;

let library: Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined;

/** ggml's functions; undefined where it is not installed. */
function ggml() {
  const path = library ? null : ggmlLibrary("libggml-base.so");
  return library ??= path === null ? undefined : Deno.dlopen(path, symbols).symbols;
}

/** Whether rows can be rounded to a type here: the plain ones always, others where `lamina ggml` has installed their encoders. */
export const canEncode = (type: string): boolean => plainTypes.includes(type) || ggml() !== undefined;

const threads = openThreads<EncodeTask>(
  new URL("../blocks/encode_worker.ts", import.meta.url),
  "Cannot round numbers",
  THREADS,
);

/** Rows of `columns` numbers in any type of blocks. Throws `Error` that names the tensor where that is not possible. */
export async function encodeInThreads(
  type: string,
  numbers: Float32Array<ArrayBuffer>,
  columns: number,
  rounding: RowRounding & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { name = "a tensor", signal } = rounding;
  const out = roomFor(type, numbers, columns, rounding);
  const importance = rounding.importance ? inRange(rounding.importance) : null;
  const isPlain = plainTypes.includes(type), isSearched = importance !== null || type === "IQ4_NL";
  const found = isPlain && (type === "IQ4_NL" || !importance) ? undefined : ggml();
  if (!found && !isPlain) {
    throw new Error(
      `Cannot round ${name} to ${type}: found no encoder of it, expected the library that lamina ggml installs`,
    );
  }
  const rows = numbers.length / columns;
  if (found) {
    const pieces = ranges(0, rows, Math.ceil(PIECE / columns));
    const encode = async () => {
      for (const [first, last] of pieces) { // of all calls: each takes the next
        signal?.throwIfAborted();
        const [start, count] = [BigInt(first * columns), BigInt(last - first)];
        await found.quantize(ggmlNumbers.get(type)!, numbers, out, start, count, BigInt(columns), importance);
      }
    };
    await Promise.all(Array.from({ length: THREADS }, encode));
  } else if (
    numbers.length < WORTH_SHARING[isSearched ? "searched" : "plain"] || !mayUseMemory()
  ) {
    encodeBlocks(type, numbers, columns, out, importance);
  } else {
    const tasks = [...ranges(0, rows, Math.ceil(rows / THREADS))].map(([first, last]) => ({
      type,
      columns,
      source: memoryOf(numbers.subarray(first * columns, last * columns)),
      to: memoryOf(out.subarray(first / rows * out.length, last / rows * out.length)),
      importance: importance && memoryOf(importance),
    }));
    await threads.run(tasks, [numbers, out, ...importance ? [importance] : []]);
  }
  return out;
}

/** A tensor of floats as it is read again from a type of blocks. */
export async function roundInThreads(
  type: string,
  tensor: Tensor,
  rounding?: Parameters<typeof encodeInThreads>[3],
): Promise<Tensor> {
  const numbers = toFloat32(tensor) as Float32Array<ArrayBuffer>;
  return readTensor(type, tensor.shape, await encodeInThreads(type, numbers, tensor.shape.at(-1)!, rounding));
}
