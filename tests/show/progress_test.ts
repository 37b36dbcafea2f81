// deno-lint-ignore-file no-control-regex -- escapes are what is tested
import assert from "node:assert/strict";
import { progressLine, progressText } from "../../src/show/mod.ts";
import { widthOf } from "../../src/show/plain.ts";

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
  assert.match(
    progressText(report, 200),
    /█{12}░{12} {2}50 % {2}500 MB of 1\.00 GB {2}20\.0 MB\/s {2}25 s left$/,
  );
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

Deno.test("a terminal without UTF-8 gets ASCII alone", () => {
  const { screen, line, report } = display(true, 80, false);
  report(0, 0, "modèle");
  report(3000, 30, "modèle");
  line.onNotice("8 × 512 tokens \x1b[2J");
  assert.match(
    screen.text,
    /^mod\?le {2}#+\.+ {2}30 % {2}7 s left\r\x1b\[K8 x 512 tokens \?\[2J\n$/,
  );
});
