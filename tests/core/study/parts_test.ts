/** Long work over a text is kept in parts: a stop loses one of them, and the bytes are those of one run. */
import assert from "node:assert/strict";
import { cpuEngine } from "core/engine/native/cpu.ts";
import { asOne, resultText } from "core/result/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { measured } from "core/study/over.ts";
import type { StudyOver } from "core/study/study_over.ts";
import { textOf } from "core/study/text.ts";
import { perplexityStudy } from "features/losses/mod.ts";
import { profileStudy } from "features/profile/mod.ts";
import { watchedEngine } from "../../support.ts";
import { kept, withTiny } from "./tiny.ts";

const groups = {
  profile: [[noDrop]],
  perplexity: [[noDrop], [{ ...noDrop, mlp: [0] }, { ...noDrop, attention: [1] }], [{ ...noDrop, mlp: [1] }]],
};

for (
  const [name, study] of Object.entries({ profile: profileStudy, perplexity: perplexityStudy })
) {
  Deno.test(`${name}: long work is kept in parts; a stop in the last one leaves the others, and the bytes are those of one run`, () =>
    withTiny(async ({ model, folder, options: { results, text: _, ...rest } }) => {
      const ids = Array.from({ length: 300 * 16 }, (_, i) => (i * i + 3 * i) % 61); // three batches of at most 128 samples
      await Deno.writeTextFile(`${folder}/ids.json`, JSON.stringify(ids));
      const text = textOf(model, { ...rest, text: `${folder}/ids.json`, samples: 300 });
      const how = study as unknown as StudyOver<object, unknown, never>;
      const bare = cpuEngine();
      const ran = async (least: number | undefined, folder: string, last = Infinity) => {
        const [stop, notices] = [new AbortController(), [] as string[]];
        let runs = 0;
        const engine = watchedEngine({
          onRun: () => void (++runs === last && stop.abort(new Error("that will do"))),
        }, bare);
        const shares: number[] = [];
        const options = {
          ...{ ...rest, engine, results: `${results}-${folder}`, signal: stop.signal },
          onNotice: (notice: string) => notices.push(notice),
          onProgress: ({ done, total }: { done: number; total?: number }) => shares.push(done / total!),
        };
        const place = {
          model,
          text,
          own: null,
          label: name,
          title: name,
          ...least === undefined ? {} : { least },
        };
        const texts = await asOne(() => measured(how, place, groups[name as keyof typeof groups], options))
          .then(
            (made) => made.flat().map((one) => resultText(one)),
            ({ message }) => [message],
          );
        return { texts, runs, notices: notices.join("\n"), shares };
      };
      const whole = await ran(undefined, "whole");
      assert.equal(kept(`${results}-whole`).length, whole.texts.length);
      const stopped = await ran(1, "parts", Math.ceil(0.95 * whole.runs));
      assert.deepEqual(stopped.texts, ["that will do"]);
      assert.ok(kept(`${results}-parts`).length >= 2 * whole.texts.length);
      const again = await ran(1, "parts");
      assert.deepEqual(again.texts, whole.texts);
      assert.match(again.notices, /2 of 3 parts reused from an earlier run/);
      assert.ok(again.runs < whole.runs / 2, `${again.runs} of ${whole.runs}`);
      assert.deepEqual(again.shares, again.shares.toSorted((a, b) => a - b));
      assert.equal(again.shares.at(-1), 1);
      await bare.close();
    }));
}
