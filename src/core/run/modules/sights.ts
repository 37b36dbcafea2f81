/** Inputs of the attentions of a batch: the rotation of each token, and the keys that it sees. Uploaded once for all layers. */
import type { Engine, Held } from "../../engine/mod.ts";
import {
  type AttentionSpec,
  type MixerSpec,
  type RopeSpec,
  ropeTables,
  scoring,
  segmentMask,
  steadyLength,
} from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { freeAll } from "../held.ts";
import { areTexts, type Batch, pastLength, positionsOf, type Segment } from "../segments.ts";

/** The inputs of attention graphs besides stream and weights. */
export type Sights = ReturnType<typeof openSights>;

export function openSights(engine: Engine, segments: readonly Segment[]) {
  const held = new Map<string, Held>();

  function once(key: string, make: () => Tensor): Held {
    const known = held.get(key);
    if (known) return known;
    const made = engine.upload(make());
    held.set(key, made);
    return made;
  }

  /** Tables for positions 0 … T − 1, [T, R/2] each. */
  function ofTexts({ rope }: AttentionSpec, { length }: Batch) {
    return rope ? turned([rope, length], () => ropeTables(rope, length)) : {};
  }

  function turned(what: unknown, make: () => { cos: Tensor; sin: Tensor }) {
    const key = JSON.stringify(what);
    let made: { cos: Tensor; sin: Tensor } | undefined;
    const tables = () => made ??= make();
    return { cos: once(`cos ${key}`, () => tables().cos), sin: once(`sin ${key}`, () => tables().sin) };
  }

  function ofSegments({ rope, window }: AttentionSpec, batch: Batch) {
    const indices = Array.from({ length: batch.count }, (_, i) => batch.first + i);
    const positions = () => indices.flatMap((index) => [...positionsOf(segments, index)]);
    return {
      ...rope ? turned(["segments", rope, batch.first], () => rotations(rope, positions())) : {},
      mask: once(JSON.stringify(["mask", window, batch.first]), () =>
        segmentMask(
          indices.map((index) => segments[index].parents ?? null),
          { length: batch.length, past: pastLength(segments, batch.first), window },
        )),
    };
  }

  return {
    /** `cos` and `sin` where there is a rotation; for what is not whole texts also `mask`. Only heads that score keys have any. */
    of(spec: MixerSpec, batch: Batch): Record<string, Held> {
      const attention = scoring(spec);
      if (!attention) return {};
      return areTexts(segments, batch) ? ofTexts(attention, batch) : ofSegments(attention, batch);
    },
    free(): void {
      freeAll(held.values());
      held.clear();
    },
  };
}

/** Rows of the tables of a rotation at some positions. Throws where they depend on how long a text becomes. */
function rotations(rope: RopeSpec, positions: readonly number[]): { cos: Tensor; sin: Tensor } {
  const length = Math.max(...positions) + 1;
  if (length > steadyLength(rope)) {
    throw new RangeError(
      `Cannot share a past of ${length} tokens: expected at most ${steadyLength(rope)} with ${
        rope.scaling!.type
      } rotations`,
    );
  }
  const half = rope.size / 2;
  const taken = ({ data }: Tensor) => {
    const rows = new Float32Array(positions.length * half);
    positions.forEach((position, i) =>
      rows.set((data as Float32Array).subarray(position * half, (position + 1) * half), i * half)
    );
    return float32([positions.length, half], rows);
  };
  const { cos, sin } = ropeTables(rope, length);
  return { cos: taken(cos), sin: taken(sin) };
}
