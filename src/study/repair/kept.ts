/** Solved sites between runs: a repair that is stopped goes on behind the last site that it solved. */
import { keep, keptResult, replacementOrigin, type ReplacementRequest } from "../../result/mod.ts";
import { head, type ResultOf } from "../../result/mod.ts";
import { bytesOf, elements, float32, type Tensor } from "../../tensor/mod.ts";
import type { Keeping } from "../../result/mod.ts";
import type { Solved } from "./job.ts";

/** A kept solution, or null. One whose tensors cannot be read counts as absent. */
export async function keptSolution(request: ReplacementRequest, keeping: Keeping): Promise<Solved | null> {
  const found = await keptResult("replacement", replacementOrigin(request), keeping);
  if (!found) return null;
  const { tensors, gain, strength, left, refused } = found;
  const read = tensors && Object.entries(tensors).map(([name, own]) => [name, tensorOf(own)] as const);
  if (read?.some(([, tensor]) => tensor === null)) return null;
  return {
    ...{ gain, strength, left, tensors: read && new Map(read as [string, Tensor][]) },
    ...refused === undefined ? {} : { refused },
  };
}

/** Keeps a solution. */
export async function keepSolution(
  request: ReplacementRequest,
  { tensors, ...rest }: Solved,
  keeping: Keeping,
): Promise<void> {
  if (!keeping.results) return;
  const data = tensors && Object.fromEntries(
    [...tensors].map((
      [name, { shape, data }],
    ) => [name, { shape: [...shape], data: bytesOf(data).toBase64() }]),
  );
  const result = { ...head("replacement"), ...request, ...rest, tensors: data };
  await keep("replacement", replacementOrigin(request), result, keeping);
}

type Stored = NonNullable<ResultOf<"replacement">["tensors"]>[string];

function tensorOf({ shape, data }: Stored): Tensor | null {
  const bytes = Uint8Array.fromBase64(data);
  if (bytes.length !== 4 * elements(shape)) return null;
  const numbers = new Float32Array(bytes.buffer);
  return numbers.every(Number.isFinite) ? float32(shape, numbers) : null;
}
