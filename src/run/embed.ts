/** Token ids to the residual stream that enters layer 0. */
import type { Engine, Held } from "../engine/mod.ts";
import { embeddingGraph, type Model } from "../models/mod.ts";
import { float32, type Tensor, toFloat32 } from "../tensor/mod.ts";
import { areFinite, notFinite, takeSquares } from "./finite.ts";
import { take, withUploaded } from "./held.ts";
import { openPrograms, type Programs } from "./programs.ts";

/** Embedding rows that are requested together: a remote file returns them in few requests. */
const ROWS = 1024;

/** The rows of some ids, each once, and which of them each id has. */
export interface Embedding {
  /** [U, D] */
  readonly rows: Tensor;
  /** i64 [N] */
  readonly places: Tensor;
}

/** Reads the rows of the ids [N] that occur. Throws `RangeError` for an id outside the vocabulary. */
export async function embeddingRows({ spec, weights }: Model, ids: Int32Array): Promise<Embedding> {
  const { hidden, vocabulary } = spec;
  const outside = ids.find((id) => id < 0 || id >= vocabulary);
  if (outside !== undefined) {
    throw new RangeError(`Cannot embed token ${outside}: expected an id from 0 to ${vocabulary - 1}`);
  }
  const unique = [...new Set(ids)].sort((a, b) => a - b);
  const places = new Map(unique.map((id, place) => [id, BigInt(place)]));
  const rows = new Float32Array(unique.length * hidden);
  for (let first = 0; first < unique.length; first += ROWS) {
    await Promise.all(
      unique.slice(first, first + ROWS).map(async (id, i) => {
        rows.set(toFloat32(await weights.outer("embedding.weight", [id, id + 1])), (first + i) * hidden);
      }),
    );
  }
  return {
    rows: float32([unique.length, hidden], rows),
    places: { dtype: "i64", shape: [ids.length], data: BigInt64Array.from(ids, (id) => places.get(id)!) },
  };
}

/** The stream [N, D] of ids [N], on the engine. Throws `RangeError` as `embeddingRows`, and for numbers that are not finite. */
export async function embedOn(
  model: Model,
  engine: Engine,
  programs: Programs,
  ids: Int32Array,
  signal?: AbortSignal,
): Promise<Held> {
  const { hidden, embeddingScale } = model.spec;
  const { rows, places } = await embeddingRows(model, ids);
  const program = await programs.get("embedding", () => embeddingGraph(hidden, embeddingScale));
  return await withUploaded(engine, { rows, places }, async (feeds) => {
    const { x, squares } = await program.run(feeds, { signal });
    if (areFinite(await takeSquares(engine, squares))) return x;
    x.free();
    throw notFinite(model, "embedding", [["embedding.weight", rows]]);
  });
}

/** The same in CPU memory, [N · D]. */
export async function embed(
  model: Model,
  engine: Engine,
  ids: Int32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const programs = openPrograms(engine);
  try {
    return (await take(engine, await embedOn(model, engine, programs, ids))).data as Float32Array<
      ArrayBuffer
    >;
  } finally {
    await programs.release();
  }
}
