/**
 * Layers put together where every layer has to have both modules: of a layer without its MLP and the next one that is left, without its
 * attention, nothing is left but an attention and an MLP, which are one layer. Nothing runs between the two, so the model is the same.
 */
import { holdsMean } from "../names.ts";
import { type Job, type Module, modulesText, type Row } from "../job.ts";

/** The job with such layers put together; the same job where there are none. */
export function packed(job: Job): Job {
  const { full, kept, lone } = job;
  const isGone = (module: Module["module"], layer: number) =>
    lone.some((one) => one.module === module && one.layer === layer && !holdsMean(job, one));
  const rows: Row[] = [];
  for (const layer of kept) {
    const last = rows.at(-1);
    const fits = last?.attention === last?.mlp && full.layers[layer].residual === "sequential";
    if (last && fits && isGone("mlp", last.mlp) && isGone("attention", layer)) {
      rows[rows.length - 1] = { attention: last.attention, mlp: layer };
    } else rows.push({ attention: layer, mlp: layer });
  }
  if (rows.length === kept.length) return job;
  return {
    ...job,
    rows,
    lone: lone.filter(({ module, layer }) => rows.some((row) => row[module] === layer)),
  };
}

/** What users should know of it. */
export function notesOnRows({ rows }: Job): string[] {
  return rows.filter(({ attention, mlp }) => attention !== mlp).map(({ attention, mlp }) =>
    `${
      modulesText([{ module: "attention", layer: attention }, { module: "mlp", layer: mlp }])
    }: one layer, ` +
    `since ${
      modulesText([{ module: "mlp", layer: attention }, { module: "attention", layer: mlp }])
    } are dropped`
  );
}
