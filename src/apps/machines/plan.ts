/** From a study to the plan of its shards, and whether a plan is of the study that is here. */
import { sum } from "core/entry/mod.ts";
import { cacheKey, fileName, head, type Shard, type Shards, shardsKind, VERSION } from "core/result/mod.ts";
import type { Division } from "core/study/study.ts";
import { spansOf } from "core/study/stage.ts";

/** The reason why a plan does not fit this machine's study: retries are of no use. */
export class Misfit extends Error {}

/** A stage has at most `parts` shards, and as many as units; with `byCost`, they are numbered by their cost, the highest first. */
export function planShards(
  division: Division,
  { command, parts, byCost }: Pick<Shards, "command" | "parts"> & { readonly byCost: boolean },
): Shards {
  const key = keyOf(division);
  const shards = division.stages.flatMap((stage, s) => {
    const spans = spansOf(stage.costs, parts).map((span): Omit<Shard, "index"> => ({
      stage: s,
      name: `${stage.unit}: ${span.from}${span.to - span.from === 1 ? "" : ` to ${span.to - 1}`}`,
      ...span,
      file: `shard-${fileName(division.model.name)}-${cacheKey("shard", [key, s, span.from, span.to])}.json`,
      cost: sum(stage.costs.slice(span.from, span.to)),
      bytes: stage.bytes(span),
    }));
    return byCost ? spans.toSorted((a, b) => b.cost - a.cost) : spans;
  });
  return {
    ...head(shardsKind),
    lamina: VERSION,
    key,
    label: division.label,
    command: [...command],
    parts,
    depends: dependsOn(division),
    shards: shards.map((shard, index) => ({ index, ...shard })),
  };
}

export function spansIn({ shards }: Shards, stage: number): Shard[] {
  return shards.filter((shard) => shard.stage === stage).sort((a, b) => a.from - b.from);
}

export function expectVersion({ lamina }: Shards): void {
  if (lamina === VERSION) return;
  throw new Misfit(
    `it was made by Lamina ${lamina}, expected ${VERSION}; make it again, or use ${lamina} everywhere`,
  );
}

/** Throws `Misfit` where the plan's command describes another study here than it did there, or its shards are not the whole of it. */
export function expectStudy(plan: Shards, division: Division): void {
  const here = dependsOn(division);
  const names = [...new Set([...Object.keys(plan.depends), ...Object.keys(here)])];
  const differing = names.filter((name) => plan.depends[name] !== here[name]);
  if (differing.length > 0 || keyOf(division) !== plan.key) {
    throw new Misfit(
      `${differing.join(", ") || "the study"} here ${
        differing.length > 1 ? "are" : "is"
      } not the plan's; use the same as the plan, or make the plan again`,
    );
  }
  const whole = division.stages.every(({ costs }, s) => {
    const spans = spansIn(plan, s);
    return spans.every(({ from }, i) => from === (spans[i - 1]?.to ?? 0)) &&
      spans.at(-1)?.to === costs.length;
  });
  if (whole && plan.shards.every(({ stage }) => stage < division.stages.length)) return;
  throw new Misfit("its shards do not cover the study exactly once; make the plan again");
}

function dependsOn({ depends }: Division): Record<string, string> {
  return Object.fromEntries(Object.entries(depends).map(([name, value]) => [name, cacheKey(name, value)]));
}

function keyOf(division: Division): string {
  const { label, stages } = division;
  return cacheKey("shards", [VERSION, label, dependsOn(division), stages.map(({ costs }) => costs.length)]);
}
