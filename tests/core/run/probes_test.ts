/**
 * Every probe × every kind of module × every engine (probe_table.ts). The engine `cpu` gives the numbers that `webgpu` is compared with,
 * and each probe alone has to give what it gives beside all others: in `test` a third of them, by turns. For `cuda`
 * see engine/cuda_test.ts.
 */
import assert from "node:assert/strict";
import { type Engine, webgpuEngine } from "core/engine/mod.ts";
import * as run from "core/run/mod.ts";
import { stateTolerance, withFixture } from "../../model.ts";
import { engine as cpu, everyNth, isThorough } from "../../support.ts";
import { CELLS, expectNumbers, isFilled, KINDS, observed, PROBES } from "./probe_table.ts";
import { unless } from "../../tools.ts";

const names = Object.keys(PROBES);
/** The kind whose graphs WebGPU compiles, for seconds, in `deno task test`: softmax and linear attention. */
const FEW = ["qwen3-5"];
const opened: Engine | string = await webgpuEngine().catch((error) => error.message);
if (typeof opened !== "string") Deno.test.afterAll(() => opened.close());

Deno.test("the table has a row for every probe of the executor, and a column for every kind", () => {
  const cells = Object.keys(KINDS).flatMap((kind) => names.map((probe) => `${probe} on ${kind}`));
  assert.deepEqual([...CELLS.keys()].sort(), cells.sort());
  // Attention's statistics are `patterns`; products are `gram` with sums of their own; rows are of the probe of values.
  const renamed: Record<string, string> = { attentionStats: "patterns", products: "gram" };
  const found = Object.keys(run).flatMap((name) => /^(.*)Probe$/.exec(name)?.[1] ?? []);
  const rows = new Set(found.map((name) => renamed[name] ?? name));
  assert.deepEqual([...rows, "rows"].sort(), names.toSorted());
});

for (const on of ["cpu", "webgpu"] as const) {
  const engine = on === "cpu" ? cpu : opened;
  const kinds = Object.keys(KINDS).filter((kind) => on === "cpu" || isThorough || FEW.includes(kind));
  const left = kinds.length < CELLS.size / names.length ? "; all kinds: deno task test:all" : "";
  const some = left ? FEW.join(", ") : `${kinds.length} kinds of module`;
  const what = `${on}: every probe on ${some} gives the CPU's numbers${left}`;
  if (typeof engine === "string") {
    unless(engine)(what, () => {});
    continue;
  }
  Deno.test(what, async (t) => {
    const filled = new Map<string, boolean>();
    for (const [turn, kind] of kinds.entries()) {
      await t.step(`${kind}: ${KINDS[kind as keyof typeof KINDS]}`, () => fill(kind, engine, filled, turn));
    }
    assert.deepEqual(filled, new Map([...CELLS].filter(([cell]) => kinds.includes(cell.split(" on ")[1]))));
  });
}

/** Fills a column of the table: probe by probe on the CPU, in one pass on a device, where every graph is compiled for seconds. */
async function fill(kind: string, engine: Engine, filled: Map<string, boolean>, turn: number): Promise<void> {
  await withFixture(kind, async ({ model, blocks }) => {
    const expected = await observed(names, { model, engine: cpu, blocks });
    const over = { model, engine, blocks };
    const before = engine.live;
    const own = engine === cpu ? everyNth(names, 3, turn) : names;
    const found = engine === cpu
      ? await alone(own, over)
      : await observed(own, over).catch(() => alone(own, over));
    assert.equal(engine.live, before, "tensors are left");
    for (const [i, probe] of names.entries()) {
      const seen = found[own.indexOf(probe)] ?? expected[i];
      expectNumbers(probe, seen, expected[i], 4 * stateTolerance(model.spec));
      filled.set(`${probe} on ${kind}`, isFilled(seen));
    }
  });
}

/** What each probe sees in a pass of its own; an error names the probe. */
async function alone(names: readonly string[], over: Parameters<typeof observed>[1]): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const probe of names) {
    const fail = (cause: Error): never => {
      throw new Error(`${probe}: ${cause.message}`, { cause });
    };
    all.push(...await observed([probe], over).catch(fail));
  }
  return all;
}
