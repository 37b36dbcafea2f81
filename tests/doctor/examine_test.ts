/** The examination among checks that hang, throw and die, and one that is stopped. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { runApart } from "../../src/doctor/examine.ts";
import { type Check, examine } from "../../src/doctor/mod.ts";
import { head } from "../../src/result/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import { withFolder } from "../support.ts";

const check = (part: string, look: Check["look"], seconds = 10): Check => ({
  part,
  needed: true,
  remedy: `get ${part}`,
  seconds,
  look,
});

Deno.test("a check that throws, hangs or whose process dies takes no other with it", async () => {
  await withFolder(async (folder) => {
    const script = async (name: string, code: string) => {
      await Deno.writeTextFile(`${folder}/${name}.ts`, code);
      return pathToFileURL(`${folder}/${name}.ts`);
    };
    const dies = await script("dies", `console.log("lamina, nearly"); Deno.kill(Deno.pid, "SIGABRT");`);
    const fails = await script("fails", `throw new TypeError("out of luck");`);
    const sleeps = await script("sleeps", `setTimeout(() => {}, 60_000);`);
    const findings = await examine([
      check("good", () => Promise.resolve("here")),
      check("thrower", () => {
        throw new Error("not here");
      }),
      check("dead", (signal) => runApart(dies, [], signal)),
      check("failed", (signal) => runApart(fails, [], signal)),
      check("asleep", (signal) => runApart(sleeps, [], signal), 1),
      check("deaf", () => new Promise(() => {}), 0.1),
    ]);
    const found = Object.fromEntries(findings.map((finding) => [finding.part, finding.found]));
    assert.equal(found.good, "here");
    assert.equal(found.thrower, "not here");
    assert.match(found.dead, /^the process ended with SIGABRT/);
    assert.match(found.failed, /^the process ended with code 1: .*TypeError: out of luck$/);
    assert.equal(found.asleep, "no answer within 1 s");
    assert.equal(found.deaf, "no answer within 0.1 s");
    assert.deepEqual(findings.filter(({ works }) => works).map(({ part }) => part), ["good"]);
    assert.equal(findings[1].remedy, "get thrower");
    const result = { ...head("doctor"), works: false, findings };
    assert.match(tableText([result]), /^\+ good +here\n- thrower +not here\n +> get thrower\n/);
  });
});

Deno.test("a stop ends the examination", async () => {
  const controller = new AbortController();
  const examined = examine([check("deaf", () => new Promise(() => {}))], controller.signal);
  controller.abort(new Error("Stopped"));
  await assert.rejects(examined, /^Error: Stopped$/);
});
