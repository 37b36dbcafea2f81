/** How a notebook watches its calls: what their lines say and when, and what a stop ends. */
import assert from "node:assert/strict";
import { enter, reportChecks, type Reports, watchWith } from "../../src/entry/mod.ts";
import { watcher } from "../../src/show/watch.ts";

/** Watches calls of `use` with a clock of its own; `places` are the lines of every call, text after text. */
async function watching(
  use: (tools: { places: string[][]; press(): void; wait(ms: number): void }) => Promise<void>,
): Promise<void> {
  const places: string[][] = [];
  let time = 0;
  const draw = () => {
    const texts: string[] = [];
    places.push(texts);
    return (text: string) => void texts.push(text);
  };
  const { press, open } = watcher(draw, () => time);
  watchWith(open);
  try {
    await use({ places, press, wait: (ms) => void (time += ms) });
  } finally {
    watchWith(null);
  }
}

const call = (run: (told: Reports) => void | Promise<void>, told: Reports = {}) =>
  enter("study", "tiny", told, reportChecks, async (told) => await run(told));
const half = { label: "layers", done: 1, total: 2, unit: "modules" };

Deno.test("a call that takes a second has one place: the bar, then what was done and how long it took", () =>
  watching(async ({ places, wait }) => {
    await call((told) => {
      wait(999);
      told.onProgress!(half);
    });
    assert.deepEqual(places, [], "it was over before a line could be read");
    await call(async (told) => {
      wait(1000);
      told.onProgress!(half);
      await call(({ onProgress }) => onProgress!(half), told);
      wait(11_000);
    });
    const bar = `layers  ${"█".repeat(12)}${"░".repeat(12)}  50 %`;
    assert.deepEqual(places, [[bar, bar, "study: tiny  done after 12 s"]]);
  }));

Deno.test("notices are there at once, the last of them stay; what fails says so", () =>
  watching(async ({ places, wait }) => {
    const failing = call((told) => {
      for (let i = 1; i <= 7; i++) told.onNotice!(`line ${i}`);
      wait(2000);
      throw new Error("spoiled");
    });
    await assert.rejects(failing, /spoiled/);
    const kept = "… 2 more lines\nline 3\nline 4\nline 5\nline 6\nline 7";
    assert.deepEqual([places[0][0], places[0].at(-2), places[0].at(-1)], [
      "line 1",
      kept,
      `${kept}\nstudy: tiny  failed after 2 s`,
    ]);
  }));

Deno.test("what a call was told goes before what is around it", () =>
  watching(async ({ places, press, wait }) => {
    const lines: string[] = [];
    const { signal } = new AbortController();
    await call((told) => {
      wait(1000);
      press();
      told.onNotice!("own");
      told.onProgress!(half);
      assert.equal(told.signal, signal);
      assert.equal(signal.aborted, false);
    }, { signal, onNotice: (line) => void lines.push(line) });
    assert.deepEqual(lines, ["own"]);
    assert.equal(places.length, 1);
  }));

Deno.test("a stop ends the calls that run, and no signal that an earlier call kept", () =>
  watching(async ({ press }) => {
    let earlier: AbortSignal | undefined;
    await call(({ signal }) => void (earlier = signal));
    const both = [1, 2].map(() =>
      call(({ signal }) =>
        new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)))
      )
    );
    press();
    for (const stopped of await Promise.allSettled(both)) {
      assert.equal(stopped.status === "rejected" && stopped.reason.name, "AbortError");
    }
    assert.equal(earlier!.aborted, false);
    await call(({ signal }) => assert.equal(signal!.aborted, false)); // the stop has ended something
  }));

Deno.test("a stop that ended nothing counts for the next call, for two seconds", () =>
  watching(async ({ press, wait }) => {
    press();
    wait(2000);
    await assert.rejects(call(() => assert.fail("it should not run")), { name: "AbortError" });
    await call(() => press()); // as good as done
    await assert.rejects(call(() => assert.fail("it should not run")), { name: "AbortError" });
    wait(500);
    press();
    wait(2001);
    await call(({ signal }) => assert.equal(signal!.aborted, false));
  }));

Deno.test("a stop that arrives twice is one: it does not end the call after the one that it ended", () =>
  watching(async ({ press, wait }) => {
    const study = () =>
      call(({ signal }) => {
        press();
        signal!.throwIfAborted();
      });
    await assert.rejects(study(), { name: "AbortError" });
    wait(499);
    press();
    await call(({ signal }) => assert.equal(signal!.aborted, false));
    wait(1);
    await assert.rejects(study(), { name: "AbortError" }, "a press of its own");
  }));

Deno.test("where nobody watches, a call is told what it was told and no more", async () => {
  await call((told) => assert.deepEqual(told, {}));
});
