/** The tables of rotary embeddings on an engine, one pair for each kind of rotation. */
import type { Engine, Held } from "../engine/mod.ts";
import { type AttentionSpec, ropeTables } from "../models/mod.ts";

/** Tables for positions 0 … T − 1, [T, R/2] each. */
export interface Rotations {
  of(spec: AttentionSpec): { cos: Held; sin: Held };
  free(): void;
}

/** No tables yet. */
export function rotationTables(engine: Engine, length: number): Rotations {
  const tables = new Map<string, { cos: Held; sin: Held }>();
  return {
    of({ rope }) {
      const key = JSON.stringify(rope);
      const known = tables.get(key);
      if (known) return known;
      const { cos, sin } = ropeTables(rope, length);
      const made = { cos: engine.upload(cos), sin: engine.upload(sin) };
      tables.set(key, made);
      return made;
    },
    free() {
      for (const { cos, sin } of tables.values()) {
        cos.free();
        sin.free();
      }
    },
  };
}
