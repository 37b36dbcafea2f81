/** A rehearsal of every study makes the calls that its run makes: price, need of memory, progress and shares of machines come from it. */
import assert from "node:assert/strict";
import { asOne } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { type RunOptions, studyChecks, type StudyOptions } from "core/study/options.ts";
import { rehearsed } from "core/study/rehearsal.ts";
import { type Scope, type ScopedStudy, scopeOf, study } from "core/study/scope.ts";
import { runOptionsOf } from "core/study/stage.ts";
import { studies } from "core/study/studies.ts";
import { priceOf, run } from "core/study/study.ts";
import { textOf } from "core/study/text.ts";
import "features/mod.ts";
import { type Profile, profileIn } from "features/profile/mod.ts";
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
  const declared = new Map(studies()).get(name.split(":")[0]) as unknown as Any | undefined;
  if (!declared) continue; // texts are written, and no study prices them
  Deno.test(`${name}: calls made are calls rehearsed; what was kept is known to be`, () =>
    withTiny(async ({ options, ...opened }) => {
      let given: readonly [unknown, RunOptions] | undefined;
      const { work } = declared;
      const heard = declared as { work: typeof work };
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
      await asOne(() => declared.in(noted(scopeOf(unkept), made), subject, { ...own, ...unkept }));
      const { calls } = await rehearsed(
        (scope) => declared.in(noted(scope, foreseen), subject, own),
        unkept,
        false,
      );
      assert.ok(made.length > 0);
      // A fit may end before its last look, or measure again: a call without groups then stands for one with one, or the other way round.
      const alike = (calls: string[]) =>
        name.startsWith("fit")
          ? calls.map((call) => call.replace(/^[01] groups of divergence$/, "a look"))
          : calls;
      assert.deepEqual(alike(foreseen), alike(made));
      assert.equal(calls.length, made.length);

      const kept = await rehearsed((scope) => declared.in(scope, subject, own), runOptionsOf(own), true);
      if (name === "checkpoints") return; // one stands for all, of which some may be kept
      assert.deepEqual(kept.calls.flatMap(({ runs }) => runs.flatMap(({ lacking }) => lacking)), []);
    }));
}

/** A study of one profile, which does something with what it found. */
const studyThat = (use: (found: Profile) => unknown) =>
  study<StudyOptions, Profile>({
    ...{ verb: "test", label: "test", checks: studyChecks, text: textOf },
    async run(scope, model, options) {
      const found = await profileIn(scope, model, textOf(model, options), noDrop);
      use(found);
      return found;
    },
  });

Deno.test("a price needs no text: where it cannot be read, nothing counts as kept; other errors of a look-up are not hidden", () =>
  withTiny(async ({ model, folder, options }) => {
    const own = { ...options, engine };
    const failing = studyThat(({ kind }) => {
      throw new Error(`a defect with a ${kind}`);
    });
    const whole = await priceOf(failing, model, own);
    assert.ok(whole.flops > 0, "nothing is kept, so that nothing is read");
    await run(studyThat(() => {}), model, own);
    await assert.rejects(priceOf(failing, model, own), /^Error: a defect with a profile$/);
    assert.equal((await priceOf(studyThat(() => {}), model, own)).flops, 0);
    const gone = await priceOf(failing, model, { ...own, text: `${folder}/gone.txt` });
    assert.equal(gone.flops, whole.flops);
  }));

Deno.test("calls side by side are refused: their order decides the count and the shares", () =>
  withTiny(async ({ model, options }) => {
    const text = textOf(model, options);
    const scope = scopeOf({ engine });
    const both = [noDrop, { ...noDrop, mlp: [1] }].map((plan) => profileIn(scope, model, text, plan));
    const ends = await Promise.allSettled(both);
    assert.deepEqual(ends.map(({ status }) => status), ["fulfilled", "rejected"]);
  }));
