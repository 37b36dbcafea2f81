/** Our kernels on the engine, each beside its plain reference (src/core/kernels/checks.ts). */
import type { Engine } from "core/engine/mod.ts";
import { kernelNames, tryKernel } from "core/kernels/checks.ts";
import { type Row, rowsOf } from "./report.ts";

/** A row a kernel: 0 mistakes, or 1, which the name tells. */
export async function kernelRows(engine: Engine): Promise<Row[]> {
  const row = rowsOf("kernels", engine.precision);
  const rows: Row[] = [];
  for (const name of kernelNames) {
    const wrong = await tryKernel(engine, name).then(() => null, (error) => (error as Error).message);
    rows.push(row(wrong ?? name, wrong === null ? 0 : 1, "mistakes", 0));
  }
  return rows;
}
