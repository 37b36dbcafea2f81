/** Every family on the engine, beside Hugging Face's numbers and the CPU's; after each, nothing is held. */
import type { Engine } from "core/engine/mod.ts";
import {
  meanDeviations,
  scoreDeviations,
  stateDeviations,
  stepDeviations,
  streamDeviations,
} from "../core/models/parity.ts";
import { withFixture } from "../model.ts";
import { engine as cpu } from "../support.ts";
import { type Row, worst } from "./report.ts";

export function fixtureRow(engine: Engine, name: string): Promise<Row> {
  return withFixture(name, async (opened) => {
    const all = [
      ...await stateDeviations(engine, opened),
      ...await meanDeviations(engine, opened),
      ...await scoreDeviations(engine, opened),
      ...await stepDeviations(engine, opened),
      ...await streamDeviations(engine, cpu, opened),
    ];
    const held = { what: "tensors that are held", error: engine.live, most: 0 };
    return worst("families", engine.precision, name, [...all, held]);
  });
}
