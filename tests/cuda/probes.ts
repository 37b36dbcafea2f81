/**
 * Every probe on every kind of module on a stand-in device: what each cell of tests/core/run/probe_table.ts came to. Numbers mean nothing: a
 * cell is filled where all of its graphs ran on the device.
 */
import { cudaEngine, type Engine } from "core/engine/mod.ts";
import { isFilled, KINDS, observed, PROBES } from "../core/run/probe_table.ts";
import { withFixture } from "../model.ts";
import { plausible } from "./device.ts";

export async function probeCells(): Promise<Record<string, boolean | string>> {
  const engine = cudaEngine();
  const choosing: Engine = {
    ...engine,
    get live() {
      return engine.live;
    },
    read: async (held) => plausible(await engine.read(held)),
  };

  const cells: Record<string, boolean | string> = {};
  for (const kind of Object.keys(KINDS)) {
    await withFixture(kind, async ({ model, blocks }) => {
      for (const probe of Object.keys(PROBES)) {
        const cell = `${probe} on ${kind}`;
        try {
          const [seen] = await observed([probe], { model, engine: choosing, blocks });
          cells[cell] = engine.live > 0 ? `${engine.live} tensors are left` : isFilled(seen);
        } catch (error) {
          cells[cell] = (error as Error).message;
        }
      }
    });
  }
  await engine.close();
  return cells;
}
