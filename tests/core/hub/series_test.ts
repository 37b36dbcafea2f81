/** Series of checkpoints as files: names and their steps, the three forms, and what is refused. */
import assert from "node:assert/strict";
import { chooseSteps, namedSteps, openModel, seriesFiles } from "core/hub/mod.ts";
import { refuses, withFolder } from "../../support.ts";
import { type FakeHub, withHub } from "./fake_hub.ts";
import { MODEL } from "./hub_model.ts";

const steps = (...names: string[]) => namedSteps(names).run.map(({ step }) => step);

Deno.test("steps in names as they are used: Pythia, OLMo, trainers, Megatron", () => {
  assert.deepEqual(steps("main", "step143000", "step0", "step512"), [0, 512, 143000]);
  assert.deepEqual(steps("stage1-step1000-tokens5B", "stage1-step0-tokens0B"), [0, 1000]);
  assert.deepEqual(steps("checkpoint-500", "checkpoint-1000", "runs", "logs2"), [500, 1000]);
  assert.deepEqual(steps("iter_0004768", "iter_0002384", "global_step7"), [2384, 4768]);
  const none = ["step-1431k-3T", "1000", "v1.0", "step", "stepping7", "step1 rm -rf", "../step3"];
  assert.deepEqual(steps(...none), []);
  assert.deepEqual(steps("step00032", "step32"), [32], "a step once");
});

Deno.test("of several runs the one with most checkpoints is meant, the others are told", () => {
  const { run, others } = namedSteps([
    "stage2-ingredient1-step1000-tokens3B",
    "stage1-step1000-tokens5B",
    "stage1-step2000-tokens9B",
  ]);
  assert.deepEqual(run.map(({ name }) => name), ["stage1-step1000-tokens5B", "stage1-step2000-tokens9B"]);
  assert.deepEqual(others, ["stage2-ingredient1-step1000-tokens3B"]);
});

Deno.test("of many steps at most twelve are taken, first and last among them, the others log-spaced", async () => {
  const powers = Array.from({ length: 10 }, (_, i) => 2 ** i);
  const thousands = Array.from({ length: 143 }, (_, i) => (i + 1) * 1000);
  const all = [0, ...powers, ...thousands].map((step) => ({ step }));
  const chosen = chooseSteps(all, undefined, "s").map(({ step }) => step);
  assert.ok(chosen.length > 8 && chosen.length <= 12);
  assert.equal(chosen[0], 0);
  assert.equal(chosen.at(-1), 143000);
  assert.deepEqual(chosen, chosen.toSorted((a, b) => a - b));
  assert.deepEqual(chooseSteps(all, [512, 1000], "s"), [{ step: 512 }, { step: 1000 }]);
  assert.deepEqual(chooseSteps(all.slice(0, 3), undefined, "s"), all.slice(0, 3));
  await refuses("Cannot study s: ", (steps: number[]) => chooseSteps(all, steps, "s"), [
    [[1000, 7], /step 7 is missing, expected some of 0, 1, 2, .*143000/],
    [[], "found an empty list of steps"],
  ]);
});

async function writeCheckpoint(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["config.json", "model.safetensors"]) {
    await Deno.writeTextFile(`${folder}/${name}`, "{}");
  }
}

Deno.test("a tokenizer beside the checkpoints serves those that have none", () =>
  withFolder(async (folder) => {
    for (const step of ["step1", "step2"]) await writeCheckpoint(`${folder}/${step}`);
    await Deno.writeTextFile(`${folder}/tokenizer.json`, "root");
    await Deno.writeTextFile(`${folder}/tokenizer_config.json`, "root");
    await Deno.writeTextFile(`${folder}/step2/tokenizer.json`, "own");
    const { checkpoints: [one, two] } = await seriesFiles(folder);
    const files = await one.open();
    const names = ["config.json", "model.safetensors", "tokenizer.json"];
    assert.deepEqual(files.list(), [...names, "tokenizer_config.json"]);
    assert.deepEqual((await two.open()).list(), names);
    const source = await (await two.open()).open("tokenizer.json");
    assert.equal(new TextDecoder().decode(await source.read(0, source.size)), "own");
    source.close();
  }));

Deno.test("a checkpoint's folder opened as a model has its series' tokenizer, if it is in one and has none of its own", () =>
  withFolder(async (folder) => {
    for (const name of ["step1", "step2", "early", "other"]) await writeCheckpoint(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/tokenizer.json`, "root");
    await Deno.writeTextFile(`${folder}/step2/tokenizer.json`, "own");
    const tokenizerOf = async (name: string) => {
      const files = await openModel(`${folder}/${name}`);
      if (!files.list().includes("tokenizer.json")) return null;
      const source = await files.open("tokenizer.json");
      return new TextDecoder().decode(await source.read(0, source.size));
    };
    const named = ["step1", "step2", "early", "other"];
    assert.deepEqual(await Promise.all(named.map(tokenizerOf)), ["root", "own", null, null]);
    const { checkpoints: [one] } = await seriesFiles(folder);
    const prints = [await openModel(`${folder}/step1/`), await one.open()].map((files) =>
      files.fingerprint()
    );
    assert.equal(new Set(await Promise.all(prints)).size, 1);
    const listed = { kind: "series", name: "run", checkpoints: [{ step: 3, folder: "early" }] };
    await Deno.writeTextFile(`${folder}/series.json`, JSON.stringify(listed));
    assert.deepEqual(await Promise.all(named.map(tokenizerOf)), [null, "own", "root", null]);
    await Deno.writeTextFile(`${folder}/series.json`, "{");
    assert.equal(await tokenizerOf("step2"), "own");
    await assert.rejects(tokenizerOf("other"), /Cannot read .*series\.json/);
  }));

Deno.test("series.json lists the checkpoints; what is not of its form is refused by its field", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(`${folder}/early`);
    const good = { kind: "series", name: "mine", checkpoints: [{ step: 3, folder: "early", loss: 1 }] };
    const write = (list: unknown) => Deno.writeTextFile(`${folder}/series.json`, JSON.stringify(list));
    await write(good);
    const { name, checkpoints } = await seriesFiles(folder);
    assert.equal(name, "mine");
    assert.deepEqual(checkpoints.map(({ step, name }) => [step, name]), [[3, "mine/early"]]);
    assert.equal((await checkpoints[0].open()).name, "mine/early");
    const [checkpoint] = good.checkpoints;
    const at = (change: Record<string, unknown>) => ({
      ...good,
      checkpoints: [{ ...checkpoint, ...change }],
    });
    const read = (list: unknown) => write(list).then(() => seriesFiles(folder));
    await refuses("TypeError: Cannot ", read, [
      [null, 'kind is missing, expected "series"'],
      [{ ...good, kind: "profile" }, 'kind is "profile"'],
      [{ ...good, name: "../up" }, 'name is "../up", expected a plain name'],
      [{ ...good, checkpoints: [] }, "checkpoints is an empty list"],
      [{ ...good, checkpoints: { length: 1e9 } }, "checkpoints is an object"],
      [{ ...good, checkpoints: [null] }, "checkpoints[0].step is missing"],
      [at({ step: -1 }), "checkpoints[0].step is -1"],
      [at({ step: 1.5 }), "checkpoints[0].step is 1.5"],
      ...["..", "../early", "/etc", "a/b", "a\\b", "", "C:x", 7].map((name) =>
        [
          at({ folder: name }),
          /checkpoints\[0\]\.folder is .*, expected the name of a folder next to/,
        ] as const
      ),
      [{ ...good, checkpoints: [checkpoint, checkpoint] }, "[1].step is 3, expected more"],
    ]);
    await Deno.writeTextFile(`${folder}/series.json`, "{");
    await refuses("SyntaxError: Cannot ", seriesFiles, [[folder, "series.json"]]);
    await write(at({ folder: "late" }));
    const [missing] = (await seriesFiles(folder)).checkpoints;
    await assert.rejects(() => missing.open(), /late/);
  }));

Deno.test("no series says what was found", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/other/weights`, { recursive: true });
    await refuses("Error: Cannot open the series ", seriesFiles, [
      [`${folder}/other/weights`, "found nothing, expected series.json or folders named by their step"],
      [`${folder}/other`, 'found "weights", expected'],
      ...[`${folder}/none`, "name", "owner/name@step1", "../x/y", "a/b/c"].map((ref) =>
        [ref, "expected a folder of checkpoints or owner/name of the hub"] as const
      ),
    ]);
  });
});

/** A commit made of one digit. */
const commit = (digit: string) => digit.repeat(40);

function addBranch(hub: FakeHub, name: string, digit: string): void {
  hub.branches.set(name, { commit: commit(digit), files: new Map(Object.entries(MODEL)) });
}

Deno.test("branches of the hub are a series; each is opened at the commit that it meant, its weights as a stream", () =>
  withHub(async (hub) => {
    addBranch(hub, "stage1-step10-tokens1B", "a");
    addBranch(hub, "stage1-step2-tokens1B", "b");
    addBranch(hub, "stage2-step1-tokens1B", "c");
    const notices: string[] = [];
    const { checkpoints } = await seriesFiles("owner/name", { onNotice: (line) => notices.push(line) });
    assert.deepEqual(checkpoints.map(({ step }) => step), [2, 10]);
    assert.match(notices[0], /2 checkpoints named like stage1-step2-.* ignored: "stage2-step1-tokens1B"/);
    const files = await checkpoints[0].open();
    assert.equal(files.name, "owner/name@stage1-step2-tokens1B");
    assert.equal(files.revision, commit("b"));
    assert.equal((await files.open("config.json")).path !== undefined, true);
    assert.equal((await files.open("model.safetensors")).path, undefined);
    files.close();
  }));

Deno.test("a hub without steps, or that answers with something else, is an error that says so", () =>
  withHub(async (hub) => {
    const commits = (targetCommit: string) => ({ branches: [{ name: "step1", targetCommit }], tags: [] });
    const refused = (words: string | RegExp, name = "Error") =>
      refuses("Cannot ", seriesFiles, [["owner/name", words, name]]);
    await refused('found "main", "v1", expected branches and tags named by');
    hub.refs = { branches: [{ name: "\u001b[31mstep1", targetCommit: commit("a") }], tags: [] };
    await refused('found "\\u001b[31mstep1"');
    for (const refs of ["none", [], { branches: {} }, { branches: [], tags: 7 }, commits("../../x")]) {
      hub.refs = refs;
      await refused(/did not answer with the hub's JSON \(.*expected a/);
    }
    hub.status = 404;
    await refused("the hub answered 404");
    Deno.env.set("HF_HUB_OFFLINE", "1");
    await refused("HF_HUB_OFFLINE is set");
  }));
