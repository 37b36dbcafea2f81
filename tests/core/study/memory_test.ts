/** A study that needs more memory than there is is refused before anything runs, unless it is forced. */
import assert from "node:assert/strict";
import "features/mod.ts";
import { estimate } from "features/by_name.ts";
import { profile } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { speed } from "features/speed/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import { decodingBytes, noDrop } from "core/run/mod.ts";
import { BASE_BYTES, expectRoom, needOf } from "core/study/estimate.ts";
import { drawText, zipfText } from "core/subject/mod.ts";
import { availableBytes, machineBytes } from "core/engine/mod.ts";
import { engineOf } from "core/study/options.ts";
import { readBytes } from "features/evaluate/price.ts";
import { engineWith } from "../../model.ts";
import { byTurns, engine, near, refuses } from "../../support.ts";
import { withBlocks } from "./in_blocks.ts";
import { withTiny } from "./tiny.ts";

/** What a machine's files say. */
const files = (texts: Record<string, string>) => (path: string) => texts[path] ?? null;

Deno.test("what is available is the machine's, or the control group's where that is less", () => {
  const v2 = {
    "/proc/self/cgroup": "0::/jobs/mine\n",
    "/sys/fs/cgroup/jobs/memory.max": "max\n",
    "/sys/fs/cgroup/jobs/memory.current": "900\n",
    "/sys/fs/cgroup/jobs/mine/memory.max": "1000\n",
    "/sys/fs/cgroup/jobs/mine/memory.current": "700\n",
    "/sys/fs/cgroup/jobs/mine/memory.stat": "anon 500\ninactive_file 100\nactive_file 50\n",
  };
  assert.equal(availableBytes(5000, files(v2)), 450, "copies of files give way");
  assert.equal(availableBytes(300, files(v2)), 300);
  const around = { ...v2, "/sys/fs/cgroup/jobs/memory.max": "950\n" };
  assert.equal(availableBytes(5000, files(around)), 50, "the groups around it count too");
  const v1 = {
    "/proc/self/cgroup": "3:cpu:/x\n4:memory:/outer\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2000",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1500",
    "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 30\n",
  };
  assert.equal(availableBytes(5000, files(v1)), 730);
  assert.equal(availableBytes(5000, files({})), 5000);
});

Deno.test("a system that reports no available memory has what is free", () => {
  assert.equal(machineBytes({ available: 5, free: 1 }), 5);
  assert.equal(machineBytes({ available: 0, free: 7 }), 7, "Windows");
});

Deno.test("an engine with memory of its own is not held against the machine's", async () => {
  const need = { bytes: Infinity, what: "it" };
  const refused = /it takes about .* of memory, expected at most the .* that are available/;
  await assert.rejects(expectRoom(need, {}), refused);
  await expectRoom(need, { force: true });
  const other = Object.create(engineWith({}), { access: { value: { kind: "cuda" } } });
  await expectRoom(need, { engine: other });
});

Deno.test("studies too large for the machine name the sizes, the need and what is there, before anything runs", () =>
  withTiny(async ({ model, options, folder }) => {
    const takes = (what: string) =>
      RegExp(
        `^Cannot run ${what}: it takes about [\\d.e+]+ [TP]B of memory, expected at most the [\\d.]+ \\w+ that are available; \`force\` runs it all the same$`,
      );
    const begin = performance.now();
    const large = { samples: 1, length: 2 ** 27, hidden: 2 ** 16 };
    const tokens = String.raw`1 × 134217728 tokens \(samples × length\) at hidden size 65536`;
    await refuses("Cannot run ", (call: () => unknown) => call(), [
      [() => randomInit(folder, large), takes(tokens)],
      [
        () => speed(model, [], { batch: [10 ** 9] }),
        takes(String.raw`batch 1000000000 at context 1024 \(new 32\)`),
      ],
      [
        () => speed(model, [], { context: [10 ** 12] }),
        takes(String.raw`batch 1 at context 1000000000000 \(new 32\)`),
      ],
    ]);
    assert.ok(performance.now() - begin < 10_000, "nothing is drawn or allocated for them");

    // The text has to be there before a study of a model is known: its need alone is looked at.
    const pass = { plans: [{ attention: [], mlp: [] }], head: true, samples: 2 ** 20, length: 2 ** 8 };
    const { bytes, what } = needOf(model, [{ ...pass, stays: true }]);
    const streams = 4 * pass.samples * pass.length * model.spec.hidden;
    assert.ok(bytes > streams && bytes < 1.5 * streams, `${bytes} bytes for streams of ${streams}`);
    assert.match(what, /^1048576 × 256 tokens/);
    await profile(model, options); // and a small one runs
  }));

Deno.test("a text is drawn in pieces: who stops it is heard, and its words are the same", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("stopped")), 50);
  await assert.rejects(drawText(1000, 2 ** 10, 2 ** 18, controller.signal), /stopped/);
  const [drawn, whole] = [await drawText(50, 3, 2 ** 17), zipfText(50, { samples: 3, length: 2 ** 17 })];
  assert.equal(drawn.text.hash, whole.text.hash);
  const beyond = /samples × length is 1099511627776, expected at most 268435456/;
  await assert.rejects(drawText(1000, 2 ** 20, 2 ** 20), beyond);
});

Deno.test("a study reads the weights once where they fit", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    let reads = 0;
    const { weights } = model;
    const layer: typeof weights.layer = (l, keeps) => (reads++, weights.layer(l, keeps));
    const counted = { ...model, weights: { ...weights, layer } };
    const calibration = { text: options.text!, samples: 2, length: 16 };
    const calibrated = { ...options, calibration, by: ["loss"] as const, upto: 2 };
    await sweep(counted, { ...calibrated, memory: "1GB" });
    assert.equal(reads, model.spec.layers.length);
    await sweep(counted, { ...calibrated, memory: 0 });
    assert.ok(reads > 3 * model.spec.layers.length);
  }));

Deno.test("the CPU's memory for weights is half of what is free when a study starts; an option sets it", async () => {
  const half = availableBytes() / 2;
  const { memoryBytes } = engine.has;
  near(memoryBytes, half, 0.2 * half);
  const within = await engineOf({ engine, memory: "8GB" });
  assert.equal(within.has.memoryBytes, 8e9);
  assert.deepEqual({ ...within.has, memoryBytes: 0 }, { ...engine.has, memoryBytes: 0 });
  assert.equal(within.live, engine.live);
});

Deno.test("the memory that is said before a run is that of weights as they are held, as far as they may be kept", () =>
  withBlocks(async ({ model }) => {
    const asked = { tasks: ["openbookqa"], limit: 2, prompts: 1 };
    const setting = { context: [8], new: 2 };
    for (const precision of byTurns(["int8", "float32"] as const, 0)) {
      const options = { engine: "cpu", precision } as const;
      const { has } = await engineOf(options);
      const held = decodingBytes(model, has);
      const { bytes, tasks } = await estimate("evaluate", model, [{}], { ...asked, ...options });
      assert.equal(bytes, BASE_BYTES + Math.max(held, readBytes(model, [noDrop], tasks[0].run)));
      const [all, some] = await Promise.all(
        [undefined, 1000].map((memory) => estimate("speed", model, [], { ...setting, ...options, memory })),
      );
      assert.equal(all.bytes - some.bytes, held - 1000);
    }
  }));
