/** Command lines that are wrong, and what `--dry-run` says: a row for each kind of answer, whatever the command. */
import assert from "node:assert/strict";
import { writeResult } from "features/by_name.ts";
import { profile } from "../show/synthetic.ts";
import { kept } from "../study/tiny.ts";
import { expectFailures, withDesk, wordsOf } from "./cli.ts";

const BEYOND =
  /Cannot run .*: it takes about [\d.]+ [TPE]B of memory, expected at most the [\d.]+ [kMGT]B that are/;

/** With 2 where a line is wrong, with 1 where it fails; relations and values of options are in relations_test.ts. */
const WRONG: readonly (readonly [code: number, line: string, message: RegExp])[] = [
  [2, "profile", /missing required argument 'model'/],
  [2, "profile MODEL --colour", /unknown option '--colour'/],
  [2, "start a b", /too many arguments for 'start'/],
  [2, "cache empty", /too many arguments for 'list'/],
  [1, "profile no-such-model", /Cannot open no-such-model: unknown name/],
  [1, "profile MODEL/none TEXT", /none: no such file or folder, expected a folder/],
  [1, "profile MODEL --text TEXTFILE --samples 9999 --length 16", /Cannot pack 9999 blocks of 16 tokens/],
  [2, "profile MODEL --engine abacus", /'--engine <.*expected one of auto, cpu, webgpu, cuda, openvino/],
  [2, 'profile MODEL --csv ""', /expected a file, or - for standard output/],
  [2, 'profile MODEL --results ""', /--results.*expected a folder/],
  [1, "perplexity MODEL TEXT --drop-mlp 3", /Cannot drop mlp 3/],
  [1, "perplexity MODEL TEXT --drop-mlp 1 --drop-block 1", /Cannot drop mlp 1.*twice/],
  [1, "perplexity MODEL TEXT --plan MODEL/config.json", /kind is missing, expected plan/],
  [1, 'perplexity MODEL TEXT --plan ""', /path is "", expected a text/], // as of a variable that is not set
  [2, "sweep MODEL --target head", /Allowed choices are attention, mlp, block, joint/],
  [2, "sweep MODEL --by importance,guess", /found "guess", expected one of importance/],
  [1, "sweep MODEL TEXT --upto 4", /Cannot sweep attention of \w+: upto is 4, expected at most 3, /],
  [1, "checkpoints data/series/pre-ln --steps 7", /step 7 is missing, expected some of 0, 32, 64/],
  [1, "random-init llama-9", /llama-9.*llama-3-8b/],
  // A file in GGUF never says what its model was drawn from.
  [
    1,
    "random-init tests/fixtures/gguf/llama.gguf",
    /Cannot initialise .*: .* has no initializer_range.*--std/,
  ],
  [1, "evaluate MODEL --tasks piqqa", /^lamina: Cannot find the task "piqqa".*did you mean piqa\?\)\n$/],
  [1, "evaluate MODEL --tasks passkey_9", /found a text of 9 tokens, expected passkey_256 to /],
  [2, 'evaluate MODEL --tasks ""', /expected the name of one task at least/],
  [2, "evaluate MODEL --tasks piqa --seed 4294967296", /seed.*a whole number below 2³²/],
  [1, "evaluate MODEL --tasks mmlu_anatomy --shots 6", /Cannot give mmlu_anatomy 6 shots: found 5 rows/],
  [1, "evaluate MODEL --tasks winogrande --shots 5", /^lamina: Cannot evaluate winogrande: .*\n$/],
  [1, "evaluate MODEL --plan README.md", /^lamina: Cannot read README\.md: .*JSON\n$/],
  [2, "generate MODEL", /required option '--prompt <text>' not specified/],
  [1, 'generate MODEL --prompt ""', /Cannot continue an empty prompt: expected a text or BOS/],
  [1, "generate MODEL --prompt a --json /dev/fd/99", /Cannot write \/dev\/fd\/99: descriptor 99 is not open/],
  [
    2,
    "fit none",
    /found none, expected at least one of --kld, --loss, --perplexity, --accuracy, --file, --para/,
  ],
  [1, "fit MODEL --file 80% --speed 2", /found --file and --speed, expected at most one target of --file/],
  [2, "speed none --device a100 --engine cpu", /found --engine beside --device, expected one of them/],
  [2, "profile none --samples 1 --samples 2", /found --samples twice, expected once/],
  [2, "plan none --drop 1 --seed 3", /found --seed without --by random, expected both/],
  [2, "speed MODEL --batch max", /--batch max needs --device/],
  [2, "speed llama-2-7b --device a100 --context 1,2", /--context 1,2 .*expected one/],
  [2, "speed llama-2-7b --device a6000", /Allowed choices are rtx-a6000, a6000-ada, a100, h100/],
  [2, "speed llama-2-7b --device a100 --bits 8", /expected 16 or 4/],
  [2, "plan PROFILE --drop 1", /a plan from a profile needs --target/],
  [2, "plan PROFILE --target mlp", /found none, expected exactly one of --drop, --parameters, --kv-bytes/],
  [2, "plan PROFILE --target mlp --drop 1 --kv-bytes 2", /found --drop and --kv-bytes, expected exactly one/],
  [1, "plan PROFILE --target mlp --drop 4", /Cannot drop 4 MLPs/],
  [1, "plan HALF --target mlp --drop 1", /Cannot read .*half\.json/],
  [1, "compare PROFILE MODEL/config.json", /kind is missing, expected profile/],
  [2, "merge --missing PROFILE", /--missing is for a plan/],
  [
    1,
    "merge PROFILE PROFILE",
    /Cannot merge \S+profile.json with \S+profile.json: blocks 0 to \d are in both/,
  ],
  [2, "compare MODEL TEXT", /expected two models, or one and a plan/],
  [2, "compare MODEL MODEL TEXT --drop-mlp 1", /expected two models, or one and a plan/],
  [2, "compare PROFILE PROFILE --length 9", /--length is for models/],
  [2, "compare --samples PROFILE PROFILE", /'--samples <n>' argument .* expected a whole number/],
  [2, "profile MODEL --figure p.jpg", /ends in \.jpg, expected \.svg, \.png or \.pdf/],
  [2, "profile MODEL --figure -", /ends in no format/],
  [2, "profile MODEL --dry-run --figure p.svg", /found --dry-run beside --figure/],
  [2, "profile MODEL --csv p.svg --figure p.svg", /are one file/],
  [2, "evaluate MODEL --figure e.svg", /unknown option '--figure'/],
  [1, "merge MODEL/config.json", /kind is missing, expected shards or profile or perplexity/],
  [1, "speed MODEL --engine cpu --batch 100000000000", BEYOND],
  [1, "speed MODEL --engine cpu --context 10000000000", BEYOND],
  // A head of this width alone takes 0.5 TB: parts of attention are single heads.
  [1, "random-init llama-2-7b --layers 2 --hidden 1048576 --engine cpu", BEYOND],
];

Deno.test("wrong use ends with 2, a failure with 1; each says what was expected, prints and keeps nothing", () =>
  withDesk(async ({ folder, options, text, run }) => {
    const desk = {
      MODEL: folder,
      TEXT: text.join("\t"),
      TEXTFILE: options.text!,
      PROFILE: `${folder}/profile.json`,
      HALF: `${folder}/half.json`,
      "MODEL/none": `${folder}/none`,
      "MODEL/config.json": `${folder}/config.json`,
    };
    await writeResult(desk.PROFILE, profile({ layers: 4, mlp: [0] }));
    await Deno.writeTextFile(desk.HALF, '{"kind":');
    await expectFailures(run, WRONG.map(([code, line, message]) => [code, wordsOf(line, desk), message]));
    assert.deepEqual(kept(options.results), []);
  }));

const PRICED: readonly (readonly [line: string, expected: RegExp])[] = [
  ["profile MODEL TEXT --drop-mlp 1", /:\n64 tokens, 1 plan, 5 modules to run · float32, cpu\nabout /],
  ["perplexity MODEL TEXT", /:\n64 tokens, 1 plan, 6 modules to run · float32, cpu\nabout .* of memory/],
  // The profile's that gives the orders, and the full model's, which are scored in the run that they are compared in.
  ["sweep MODEL TEXT --upto 0 CALIBRATION", /:\n64 tokens, \d+ plans?, 12 modules to run .*\nabout /],
  // Greedy over 6 modules: the full model once, then 6, 5 and 4 candidates.
  ["order MODEL TEXT --target joint --by greedy --upto 3", /:\n64 tokens, 16 plans, \d+ modules to run /],
  ["causes MODEL TEXT", /64 tokens, .* modules to run · float32, cpu\nabout .* of memory/],
  ["checkpoints data/series/pre-ln --steps 0,32 --samples 1 --length 16", /2 checkpoints \(0, 32\):\n16 /],
  ["random-init MODEL --samples 1 --length 16", /6 modules/],
  [
    "evaluate MODEL --tasks piqa,mmlu_anatomy,piqa --limit 6 --drop-attention 1",
    /: the full model and 1 plan .*\n.*task +documents +tokens +without sharing +saved\n.*\nwrites at most 1,024 tokens\nabout \d+.* on this machine \(.*FLOP\), \d+ MiB of memory,/s,
  ],
  ["speed MODEL --drop-mlp 1 --batch 1,2 --context 8 --new 2 --repeat 2", /2 models, 8 prefills and 32 /],
];

Deno.test("a dry run says what a study would take, as a table and as JSON, and computes nothing", () =>
  withDesk(async ({ folder, options, text, ok, run }) => {
    const calibration =
      `--calibration-samples\t1\t--calibration-length\t8\t--calibration-text\t${options.text}`;
    const desk = { MODEL: folder, TEXT: text.join("\t"), CALIBRATION: calibration };
    for (const [line, expected] of PRICED) {
      assert.match((await ok(...wordsOf(line, desk), "--dry-run")).out, expected, line);
    }
    const [args, file] = [["profile", folder, ...text, "--dry-run", "--json"], `${folder}/estimate.json`];
    assert.match((await ok(...args, file)).out, /^.*:\n64 tokens, /);
    const estimate = JSON.parse(await Deno.readTextFile(file));
    const { kind, tokens, modules, seconds, bytes, flops } = estimate;
    assert.deepEqual([kind, tokens, modules], ["estimate", 64, 6]);
    assert.ok(seconds > 0 && bytes > 0 && flops > 0);
    const only = JSON.parse((await run(...args, "-")).out);
    assert.deepEqual({ ...only, seconds }, estimate); // the speed is measured anew
    assert.deepEqual(kept(options.results), []);
  }));
