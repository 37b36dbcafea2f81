/** Engines that compute rightly pass the trial; one that is slightly off, or keeps what it holds, does not. */
import assert from "node:assert/strict";
import { tryBlocks } from "../../src/doctor/block_trial.ts";
import { tryEngine } from "../../src/doctor/engine_trial.ts";
import { cpuEngine, type Engine } from "../../src/engine/mod.ts";
import { engine, engineWith } from "../support.ts";

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
  await assert.rejects(
    tryEngine(offBy(1.0001, "x")),
    /^Error: Cannot use the engine cpu: on the CPU a product was 22\.0\d+,.*, expected 22,28,49,64$/,
  );
  await assert.rejects(
    tryEngine(offBy(1.0001, "a")),
    /^Error: a product of \[1, 48\] with 4 bits in blocks of 16 is off by \d\S+, expected at most \d/,
  );
  await assert.rejects(tryEngine(offBy(NaN, "a")), /blocks of 16 is off by NaN/);
  await assert.rejects(
    tryEngine(offBy(1.0001, "q")),
    /^Error: attention is off by 0\.00010 of its largest element/,
  );
  await assert.rejects(tryEngine(offBy(NaN, "q")), /attention is off by NaN/);
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
