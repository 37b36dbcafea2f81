/** How a study's progress is shown: as lines, and by a notebook, whose calls a stop ends. */
// deno-lint-ignore-file no-control-regex -- escapes are what is tested
import assert from "node:assert/strict";
import { enter, type Progress, reportChecks, type Reports, watchWith } from "core/entry/mod.ts";
import { progressLine, progressText } from "core/show/progress.ts";
import { widthOf } from "core/show/plain.ts";
import { watcher } from "../../../src/apps/notebook/watch.ts";

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
    const [first, ...others] = places[0];
    assert.deepEqual([first, ...others.slice(-2)], [
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

/** Calls, presses of the button and milliseconds between them: "stopped" may not run, "runs" hears no stop, "ends" hears its own. */
const PRESSES = {
  "a stop that ended nothing counts for the next call, for two seconds":
    "press 2000 stopped done stopped 500 press 2001 runs",
  "a stop that arrives twice is one: it does not end the call after the one that it ended; a later press is one of its own":
    "ends 499 press runs 1 ends",
};
for (const [what, script] of Object.entries(PRESSES)) {
  Deno.test(what, () =>
    watching(async ({ press, wait }) => {
      const ended = { name: "AbortError" };
      const steps: Record<string, () => unknown> = {
        press,
        done: () => call(press),
        runs: () => call(({ signal }) => assert.equal(signal!.aborted, false)),
        stopped: () => assert.rejects(call(() => assert.fail("it should not run")), ended),
        ends: () => assert.rejects(call(({ signal }) => (press(), signal!.throwIfAborted())), ended),
      };
      for (const step of script.split(" ")) await (steps[step] ?? (() => wait(Number(step))))();
    }));
}

Deno.test("where nobody watches, a call is told what it was told and no more", async () => {
  await call((told) => assert.deepEqual(told, {}));
});

/** A display over a clock and a screen of the test's own. */
function display(terminal: boolean, columns = 80, utf8 = true) {
  const screen = { text: "", time: 0 };
  const line = progressLine({
    write: (text) => void (screen.text += text),
    terminal,
    utf8,
    columns: () => columns,
    now: () => screen.time,
  });
  const report = (time: number, done: number, label = "profile") => {
    screen.time = time;
    line.onProgress({ label, done, total: 100, unit: "modules", rate: 10, secondsLeft: (100 - done) / 10 });
  };
  return { screen, line, report };
}

for (const terminal of [true, false]) {
  Deno.test(`the first second says nothing (${terminal ? "terminal" : "file"})`, () => {
    const { screen, line, report } = display(terminal);
    for (let done = 0; done <= 100; done++) report(9 * done, done);
    line.close();
    assert.equal(screen.text, "");
  });
}

Deno.test("a terminal shows one line, drawn again in place, and none at the end", () => {
  const { screen, line, report } = display(true);
  for (let done = 0; done < 100; done++) report(100 * done, done);
  assert.ok(!screen.text.includes("\n"));
  const last = screen.text.split("\r\x1b[K").at(-1)!;
  assert.match(last, /^profile {2}█+░* {2}99 % {2}0 s left$/);
  report(10_000, 100);
  assert.ok(screen.text.endsWith("\r\x1b[K"));
  line.close();
  assert.ok(!screen.text.endsWith("\r\x1b[K\r\x1b[K"));
});

Deno.test("a file gets a line every ten seconds and one at the end", () => {
  const { screen, report } = display(false);
  for (let done = 0; done <= 100; done++) report(300 * done, done);
  const lines = screen.text.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  assert.match(lines[1], /^profile .* 68 % {2}3 s left$/);
  assert.match(lines[2], / 100 %$/);
  assert.doesNotMatch(screen.text, /\r|\x1b/);
  const still = display(false);
  for (let second = 0; second < 60; second++) still.report(1000 * second, second < 40 ? 1 : 2);
  assert.equal(still.screen.text.trimEnd().split("\n").length, 2, "one where nothing more is done");
});

Deno.test("a file gets the first line after two seconds if more than ten are left", () => {
  for (const [done, secondsLeft, lines] of [[1, 10, 0], [1, 20, 1], [0, undefined, 1], [1, undefined, 0]]) {
    const { screen, line } = display(false);
    for (screen.time = 0; screen.time < 4000; screen.time += 500) {
      line.onProgress({ label: "x", done: done!, total: 100, unit: "modules", secondsLeft } as Progress);
    }
    assert.equal(screen.text.split("\n").length - 1, lines);
  }
});

Deno.test("a notice stands on a line of its own", () => {
  const { screen, line, report } = display(true);
  report(0, 0);
  report(3000, 30);
  line.onNotice("reused from an earlier run");
  assert.ok(screen.text.endsWith("\r\x1b[Kreused from an earlier run\n"));
});

Deno.test("a report fits its line", () => {
  const report = {
    label: "model.safetensors",
    done: 5e8,
    total: 1e9,
    unit: "bytes",
    rate: 2e7,
    secondsLeft: 25,
  };
  const whole = /█{12}░{12} {2}50 % {2}500 MB of 1\.00 GB {2}20\.0 MB\/s {2}25 s left$/;
  assert.match(progressText(report, 200), whole);
  for (let width = 0; width < 120; width++) assert.ok(progressText(report, width).length <= width);
  assert.equal(progressText({ label: "x", done: 3, unit: "files" }, 80), "x  3 files");
});

Deno.test("a very long name fits a narrow terminal, and leaves the numbers room", () => {
  for (const name of ["x".repeat(300), "模型".repeat(100), "\x1b[2J\u202ea\nb\t".repeat(50)]) {
    const { screen, report } = display(true, 40);
    report(0, 0, name);
    report(3000, 30, name);
    assert.ok(widthOf(screen.text) <= 39, screen.text); // the last column stays free, or a terminal would wrap
    assert.match(screen.text, /… {2}(█+░+ )? *30 % {2}7 s left$/);
    assert.doesNotMatch(screen.text, /[\x00-\x1f\u202e]/);
  }
});

Deno.test("a line shows the first of a value that is too long for a path", () => {
  const { screen, line } = display(false, 80);
  line.onError(`unknown option "--${"x".repeat(5000)}", expected ${"y".repeat(399)}`);
  assert.equal(screen.text, `unknown option "--${"x".repeat(97)}… expected ${"y".repeat(399)}\n`);
});

Deno.test("a terminal without UTF-8 gets ASCII alone", () => {
  const { screen, line, report } = display(true, 80, false);
  report(0, 0, "modèle");
  report(3000, 30, "modèle");
  line.onNotice("8 × 512 tokens \x1b[2J");
  assert.match(screen.text, /^mod\?le {2}#+\.+ {2}30 % {2}7 s left\r\x1b\[K8 x 512 tokens \?\[2J\n$/);
});
