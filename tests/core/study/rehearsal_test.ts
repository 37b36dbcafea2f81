/** A rehearsal of every study makes the calls that its run makes: price, need of memory, progress and shares of machines come from it. */
import assert from "node:assert/strict";
import { asOne } from "core/result/mod.ts";
import type { RunOptions } from "core/study/options.ts";
import { rehearsed } from "core/study/rehearsal.ts";
import { type Scope, type ScopedStudy, scopeOf } from "core/study/scope.ts";
import { studies } from "core/study/studies.ts";
import { runOptionsOf } from "core/study/stage.ts";
import "features/mod.ts";
import { engine } from "../../support.ts";
import { rows } from "./every_study.ts";
import { withTiny } from "./tiny.ts";

type Any = ScopedStudy<unknown, RunOptions, object, unknown, unknown>;

/** The scope, with a list of the calls that are made: of `over`, with the number of groups; of `each`, with that of the items. */
function noted(scope: Scope, calls: string[]): Scope {
  return {
    ...scope,
    over(how, place, groups) {
      calls.push(`${groups.length} groups of ${how.result.kind.name}`);
      return scope.over(how, place, groups);
    },
    work(model, passes, compute) {
      calls.push(`work of ${passes.length} passes`);
      return scope.work(model, passes, compute);
    },
    each(unit, items, run, how) {
      calls.push(`${items.length} ${unit}`);
      return scope.each(unit, items, run, how);
    },
  };
}

for (const [name, row] of Object.entries(rows)) {
  const study = new Map(studies()).get(name.split(":")[0]) as unknown as Any | undefined;
  if (!study) continue; // texts are written, and no study prices them
  Deno.test(`${name}: calls made are calls rehearsed; what was kept is known to be`, () =>
    withTiny(async ({ options, ...opened }) => {
      let given: readonly [unknown, RunOptions] | undefined;
      const { work } = study;
      const heard = study as { work: typeof work };
      heard.work = (subject, own, parts) => {
        given ??= [subject, own];
        return work(subject, own, parts);
      };
      try {
        await row.run({ ...opened, options: { ...options, engine } });
      } finally {
        heard.work = work;
      }
      const [subject, own] = given!;
      const unkept = { ...runOptionsOf(own), results: undefined };
      const [made, foreseen]: [string[], string[]] = [[], []];
      await asOne(() => study.in(noted(scopeOf(unkept), made), subject, { ...own, ...unkept }));
      const { calls } = await rehearsed(
        (scope) => study.in(noted(scope, foreseen), subject, own),
        unkept,
        false,
      );
      assert.ok(made.length > 0);
      assert.deepEqual(foreseen, made);
      assert.equal(calls.length, made.length);

      const kept = await rehearsed((scope) => study.in(scope, subject, own), runOptionsOf(own), true);
      if (name === "checkpoints") return; // one stands for all, of which some may be kept
      assert.deepEqual(kept.calls.flatMap(({ runs }) => runs.flatMap(({ lacking }) => lacking)), []);
    }));
}
