/** Configurations that are refused: each a fixture's with one change. */
import assert from "node:assert/strict";
import { readJson } from "../../fixtures/read.ts";

/** Fails unless a model is refused by an error of a usual kind that names its file and has these words. */
export const expectRefused = (
  load: () => Promise<unknown>,
  file: string,
  words: string | RegExp,
): Promise<void> =>
  assert.rejects(load, ({ name, message }: Error) => {
    assert.ok(["TypeError", "RangeError"].includes(name) && message.includes(file), `${name}: ${message}`);
    assert.match(message, typeof words === "string" ? RegExp(RegExp.escape(words)) : words);
    return true;
  });

type Refused = readonly [fixture: string, change: Record<string, unknown>, message: RegExp];

const long = (text: string, length = 1e4) => text.repeat(length);
const GPTQ = { quant_method: "gptq", bits: 4, group_size: 64 };

/** Those of the fixture, whose words stand as they are said, with … for anything; and what JSON cannot say, or only at length. */
export const refused: readonly Refused[] = [
  ...(await readJson<[string, Refused[1], string][]>("tests/fixtures/refused_configs.json")).map(
    ([fixture, change, said]): Refused => [
      fixture,
      change,
      RegExp(said.split("…").map((part) => RegExp.escape(part)).join(".*")),
    ],
  ),
  ["llama", { model_type: undefined }, /model_type is missing, expected a string/],
  ["gpt2", { quantization_config: GPTQ }, /by GPTQ, which is not read for this family, .* original weights$/],
  [
    "llama",
    { rope_parameters: { rope_type: { linear: 2 } } },
    /^Cannot read model: config\.json: rope_parameters: rope_type is \{"linear":2\}, expected a string$/,
  ],
  ["llama", { hidden_act: long("x") }, /hidden_act is "x{56}…, expected one of/],
  ["smollm3", { layer_types: Array(4).fill(long("y")) }, /layer_types\[0\] is "y{56}…, expected "/],
  ["llama", { drop_attn_list: long("0") }, /drop_attn_list is "0{56}…, expected null or a list/],
  [
    "llama",
    { [`\u001b[31m\n${long("x", 1e5)}`]: 1 },
    /^.{0,50}field "\\u001b\[31m\\nx{40,50}… is 1, .{60,120}`allowFields` "\\u001b/,
  ],
  [
    "llama",
    { model_type: `\u001b[31m\n${long("x", 1e5)}` },
    /^.{0,50}model_type is "\\u001b\[31m\\nx{70,80}", expected one of/,
  ],
];
