/** A series, divided by its checkpoints. */
import { reportsOf } from "../../entry/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { Series } from "../../subject/mod.ts";
import { checkpoints, type CheckpointsOptions } from "../checkpoints.ts";
import { bytesOf, flopsOf } from "../estimate.ts";
import { CALIBRATION_TEXT, textOptions } from "../options.ts";
import type { Division } from "./division.ts";

/** `checkpoints`, divided. The first checkpoint's configuration stands for all in what it costs. */
export async function checkpointShards(series: Series, options: CheckpointsOptions): Promise<Division> {
  const text = textOptions(options, CALIBRATION_TEXT);
  const quality = options.quality !== undefined;
  const closed = await series.checkpoints[0].outline(reportsOf(options));
  try {
    const pass = { ...text, plans: [noDrop], head: false };
    const cost = flopsOf(closed, [pass, ...quality ? Array(4).fill({ ...pass, head: true }) : []]);
    const bytes = bytesOf(closed, [pass]);
    return {
      label: `checkpoints of ${series.name}`,
      model: { name: series.name, fingerprint: closed.identity.fingerprint },
      depends: {
        model: closed.identity,
        series: series.checkpoints.map(({ step, name }) => [step, name]),
        text,
        quality: options.quality ?? null,
      },
      stages: [{
        unit: "checkpoints",
        costs: series.checkpoints.map(() => cost),
        bytes: () => bytes,
        async run({ from, to }, told) {
          const some = { ...series, checkpoints: series.checkpoints.slice(from, to) };
          await checkpoints(some, { ...told, ...text, quality: options.quality });
        },
      }],
    };
  } finally {
    closed.close();
  }
}
