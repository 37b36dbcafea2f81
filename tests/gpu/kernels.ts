/** Our kernels on the engine, each beside its plain reference (src/kernels/checks.ts). */
import type { Engine } from "../../src/engine/mod.ts";
import { kernelNames, tryKernel } from "../../src/kernels/mod.ts";
import type { Row } from "./report.ts";

/** A row a kernel: 0 mistakes, or 1, which the name tells. */
export async function kernelRows(engine: Engine): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of kernelNames) {
    const wrong = await tryKernel(engine, name).then(() => null, (error) => (error as Error).message);
    rows.push({
      section: "kernels",
      precision: engine.precision,
      what: wrong ?? name,
      value: wrong === null ? 0 : 1,
      unit: "mistakes",
      most: 0,
    });
  }
  return rows;
}
