/** The examination among checks that hang, throw and die; engines that compute rightly pass the trial, others do not. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { runApart } from "core/libraries/mod.ts";
import { type Check, examine } from "../../../src/apps/doctor/examine.ts";
import { doctorKind, head } from "core/result/mod.ts";
import { tableText } from "core/show/looks.ts";
import { tryBlocks } from "../../../src/apps/doctor/block_trial.ts";
import { tryEngine } from "../../../src/apps/doctor/engine_trial.ts";
import { cpuEngine, type Engine } from "core/engine/mod.ts";
import { engineWith } from "../../model.ts";
import { engine, withFolder } from "../../support.ts";

const check = (part: string, look: Check["look"], seconds = 10): Check => (
  { part, needed: true, remedy: `get ${part}`, seconds, look }
);

Deno.test("a check that throws, hangs or whose process dies takes no other with it", () =>
  withFolder(async (folder) => {
    const script = async (name: string, code: string) => {
      await Deno.writeTextFile(`${folder}/${name}.ts`, code);
      return pathToFileURL(`${folder}/${name}.ts`);
    };
    const dies = await script("dies", `console.log("lamina, nearly"); Deno.kill(Deno.pid, "SIGABRT");`);
    const fails = await script("fails", `throw new TypeError("out of luck");`);
    const sleeps = await script("sleeps", `setTimeout(() => {}, 60_000);`);
    const findings = await examine([
      check("good", () => Promise.resolve("here")),
      check("thrower", () => assert.fail("not here")),
      check("dead", (signal) => runApart(dies, [], signal)),
      check("failed", (signal) => runApart(fails, [], signal)),
      check("asleep", (signal) => runApart(sleeps, [], signal), 0.2),
      check("deaf", () => new Promise(() => {}), 0.1),
    ]);
    const found = Object.fromEntries(findings.map((finding) => [finding.part, finding.found]));
    assert.equal(found.good, "here");
    assert.equal(found.thrower, "not here");
    assert.match(found.dead, /^the process ended with SIGABRT/);
    assert.match(found.failed, /^the process ended with code 1: .*TypeError: out of luck$/);
    assert.equal(found.asleep, "no answer within 0.2 s");
    assert.equal(found.deaf, "no answer within 0.1 s");
    assert.deepEqual(findings.filter(({ works }) => works).map(({ part }) => part), ["good"]);
    assert.equal(findings[1].remedy, "get thrower");
    const result = { ...head(doctorKind), works: false, findings };
    assert.match(tableText([result]), /^\+ good +here\n- thrower +not here\n +> get thrower\n/);
  }));

Deno.test("a stop ends the examination", async () => {
  const controller = new AbortController();
  const examined = examine([check("deaf", () => new Promise(() => {}))], controller.signal);
  controller.abort(new Error("Stopped"));
  await assert.rejects(examined, /^Error: Stopped$/);
});

for (const attention of ["grouped", "grouped-without-softcap", "standard", "decomposed"] as const) {
  Deno.test(`the CPU passes, with attention ${attention}`, () => tryEngine(engineWith({ attention })));
}

/** The CPU, off by a factor in every output of the graphs that take an input of the name. */
function offBy(factor: number, input: string): Engine {
  return Object.create(engine, {
    compile: {
      async value(...wanted: Parameters<Engine["compile"]>) {
        const program = await engine.compile(...wanted);
        return {
          ...program,
          async run(feeds: Parameters<typeof program.run>[0]) {
            const { y } = await program.run(feeds);
            const data = (await engine.read(y)).data as Float32Array<ArrayBuffer>;
            const [shape, off] = [y.shape, data.map((value) => input in feeds ? value * factor : value)];
            y.free();
            return { y: engine.upload({ dtype: "f32", shape, data: off }) };
          },
        };
      },
    },
  });
}

Deno.test("what is off by 1e-4, or is no number, does not pass; the error says which and how far", async () => {
  await tryEngine(offBy(1, "x"));
  const rows: [factor: number, input: string, error: RegExp][] = [
    [
      1.0001,
      "x",
      /^Error: Cannot use the engine cpu: on the CPU a product was 22\.0\d+,.*, expected 22,28,49,64$/,
    ],
    [
      1.0001,
      "a",
      /^Error: a product of \[1, 48\] with 4 bits in blocks of 16 is off by \d\S+, expected at most \d/,
    ],
    [NaN, "a", /blocks of 16 is off by NaN/],
    [1.0001, "q", /^Error: attention is off by 0\.00010 of its largest element/],
    [NaN, "q", /attention is off by NaN/],
  ];
  for (const [factor, input, error] of rows) await assert.rejects(tryEngine(offBy(factor, input)), error);
  assert.equal(engine.live, 0);
});

Deno.test("products with blocks pass in int8, and bytes that are summed wrongly do not", async () => {
  await tryBlocks(cpuEngine({ precision: "int8" }));
  const wrong: Engine = Object.create(offBy(0.9, "a"), {
    has: { value: cpuEngine({ precision: "int8" }).has },
  });
  await assert.rejects(tryBlocks(wrong), /is off by/); // as sums that 16 bits cut off would be
});

Deno.test("tensors that stay held do not pass", async () => {
  const held = engine.upload({ dtype: "f32", shape: [1], data: new Float32Array(1) });
  await assert.rejects(tryEngine(engine), /^Error: found 1 tensors still held at the end, expected 0$/);
  held.free();
});
