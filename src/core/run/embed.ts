/** Token ids to the residual stream that enters layer 0. */
import { released } from "../entry/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import { embeddingGraph, type Model } from "../models/mod.ts";
import { float32, indices, type Tensor, toFloat32 } from "../tensor/mod.ts";
import { areFinite, culpritAmong, notFinite, takeSquares } from "./finite.ts";
import { take, withUploaded } from "./held.ts";
import { openPrograms, type Programs } from "./programs.ts";

/** Embedding rows that are requested together: a remote file returns them in few requests. */
const ROWS = 1024;

/** Embeds tokens on an engine, one text after the other. Only the rows of the ids that occur are read and uploaded, each once; their memory serves the next text. */
export function openEmbedder(model: Model, engine: Engine, programs: Programs) {
  const { spec: { hidden, vocabulary, embeddingScale, positions: learned }, weights } = model;
  const memories = new Map<string, Float32Array<ArrayBuffer>>();

  async function rowsOf(name: string, ids: readonly number[]): Promise<Tensor> {
    let memory = memories.get(name) ?? new Float32Array(0);
    if (memory.length < ids.length * hidden) memory = new Float32Array(ids.length * hidden);
    memories.set(name, memory);
    for (let first = 0; first < ids.length; first += ROWS) {
      await Promise.all(
        ids.slice(first, first + ROWS).map(async (id, i) => {
          const row = memory.subarray((first + i) * hidden, (first + i + 1) * hidden);
          const found = await weights.outer(name, [id, id + 1], row);
          if (found.data.buffer !== row.buffer) row.set(toFloat32(found));
        }),
      );
    }
    return float32([ids.length, hidden], memory.subarray(0, ids.length * hidden));
  }

  /** The rows that some numbers of rows name, each once, and where each stands among them. */
  async function taken(name: string, ids: Int32Array): Promise<{ rows: Tensor; places: Tensor }> {
    const unique = [...new Set(ids)].sort((a, b) => a - b);
    const place = new Map(unique.map((id, i) => [id, i]));
    return { rows: await rowsOf(name, unique), places: indices(ids.map((id) => place.get(id)!)) };
  }

  return {
    /**
     * The stream [N, D] of ids [N] at `positions` [N], by default from 0 on. Throws `RangeError` for an id outside the vocabulary, a
     * position that has no learned vector, and for numbers that are not finite.
     */
    async embed(
      ids: Int32Array,
      { positions = ids.map((_, i) => i), signal }: {
        positions?: Int32Array;
        signal?: AbortSignal | undefined;
      } = {},
    ): Promise<Held> {
      const outside = ids.find((id) => id < 0 || id >= vocabulary);
      if (outside !== undefined) {
        throw new RangeError(`Cannot embed token ${outside}: expected an id from 0 to ${vocabulary - 1}`);
      }
      const beyond = learned && positions.find((position) => position >= learned);
      if (beyond) {
        throw new RangeError(
          `Cannot embed position ${beyond}: expected at most ${
            learned - 1
          }, the last learned position of ${model.name}`,
        );
      }
      const words = await taken("embedding.weight", ids);
      const at = learned ? await taken("position.weight", positions) : null;
      const program = await programs.get(
        "embedding",
        () => embeddingGraph(hidden, embeddingScale, at !== null),
      );
      const tensors = { ...words, ...at ? { position_rows: at.rows, position_places: at.places } : {} };
      return await withUploaded(engine, tensors, async (feeds) => {
        const { x, squares } = await program.run(feeds, { signal });
        if (areFinite(await takeSquares(engine, squares))) return x;
        x.free();
        const read: [string, Tensor][] = [["embedding.weight", words.rows]];
        if (at) read.push(["position.weight", at.rows]);
        throw notFinite(model, "embedding", culpritAmong(read));
      });
    },
  };
}

/** The stream of ids [N] in CPU memory, [N · D]. */
export async function embed(
  model: Model,
  engine: Engine,
  ids: Int32Array,
): Promise<Float32Array<ArrayBuffer>> {
  await using programs = released(openPrograms(engine));
  const stream = await take(engine, await openEmbedder(model, engine, programs).embed(ids));
  return stream.data as Float32Array<ArrayBuffer>;
}
