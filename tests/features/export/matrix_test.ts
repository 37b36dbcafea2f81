/** Change × format × family: what is written gives what the plan gives on the original, or is refused by name, with the formats that can. */
import assert from "node:assert/strict";
import { exportModel } from "features/export/mod.ts";
import { type Format, FORMATS } from "core/formats/mod.ts";
import type { Change, LayerModule } from "core/measure/mod.ts";
import { dropPlan, keepTensors } from "core/run/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { distance, largest, stateTolerance } from "../../model.ts";
import { withFolder } from "../../support.ts";
import { type Changes, linearOf, meanOf, refitted, refOf } from "./changed.ts";
import { bothStreams, withSmaller } from "./smaller.ts";
import { withWide } from "./wide.ts";

const zeros = (...shape: number[]) => float32(shape, new Float32Array(shape.reduce((a, b) => a * b)));
const means = (...modules: [layer: number, module: LayerModule][]): Changes => (spec) =>
  modules.map(([layer, module]) => meanOf(spec, layer, module));
const maps = (...modules: [layer: number, module: LayerModule][]): Changes => (spec) =>
  modules.map(([layer, module]) => linearOf(spec, layer, module));

const CHANGES = {
  "other projections": (spec) => [refitted(spec, 0, "mlp"), refitted(spec, 1, "attention")],
  "means": means([0, "attention"], [1, "attention"], [1, "mlp"], [2, "mlp"]),
  "means without a module before the first": means([1, "attention"], [1, "mlp"], [2, "mlp"]),
  "means apart": means([1, "attention"], [2, "mlp"]),
  "means of a block": means([1, "attention"], [1, "mlp"]),
  "a mean of attention": means([1, "attention"]),
  "a mean of an MLP": means([1, "mlp"]),
  "a map of attention": maps([1, "attention"]),
  "maps of attention from the first": maps([0, "attention"], [1, "attention"]),
  "maps of every attention": maps([0, "attention"], [1, "attention"], [2, "attention"]),
  "maps of MLPs": maps([0, "mlp"], [2, "mlp"]),
  "maps of a block": maps([1, "attention"], [1, "mlp"]),
  "maps and a mean": (spec) => [
    ...[linearOf(spec, 0, "attention"), meanOf(spec, 1, "attention"), linearOf(spec, 2, "mlp")],
  ],
  "maps, a mean and another projection": (spec) => [
    ...[linearOf(spec, 0, "mlp"), meanOf(spec, 1, "attention"), linearOf(spec, 1, "mlp")],
    ...[linearOf(spec, 2, "attention"), refitted(spec, 2, "mlp")],
  ],
  /** It takes the place of attention, and no layer is added. */
  "a map without a bias": (spec) => [linearOf(spec, 1, "attention", zeros(32))],
} satisfies Record<string, Changes>;
type What = keyof typeof CHANGES;

/** Layers of a file of `gguf-deci`, in which maps and their biases have layers of their own. */
const MAPS: readonly (readonly [what: What, layers: number])[] = [
  ["a map of attention", 4],
  ["maps of attention from the first", 5],
  ["maps of MLPs", 5],
  ["maps of a block", 4],
  ["maps, a mean and another projection", 6],
  ["a map without a bias", 3],
];

const WRITTEN: readonly (readonly [name: string, what: What, formats: string, layers?: number])[] = [
  ["llama", "other projections", "hf llm-drop gguf gguf-deci hf-nas"],
  ["llama.gguf", "other projections", "hf gguf gguf-deci"],
  ["llama-bias", "other projections", "hf llm-drop gguf"],
  ["qwen2", "other projections", "hf hf-nas"],
  ["qwen3.gguf", "other projections", "hf gguf"],
  ["gemma2", "other projections", "hf llm-drop"],
  ["olmo2", "other projections", "hf gguf"],
  ["gpt2", "other projections", "hf llm-drop"],
  ["gpt2.gguf", "other projections", "gguf"],
  ["granite-tied.gguf", "other projections", "gguf"],
  ...["neox-parallel", "neox-sequential", "granite", "cohere2", "glm4", "phi3"].map((name) =>
    [name, "other projections", "hf"] as const
  ),
  ["llama", "means", "hf gguf-deci"],
  ["llama", "means without a module before the first", "hf llm-drop gguf-deci"],
  ["llama", "means of a block", "hf gguf gguf-deci"],
  ["llama", "means apart", "hf-nas"],
  ["qwen2", "means apart", "hf-nas"],
  ["llama.gguf", "means", "hf gguf-deci"],
  ["llama.gguf", "means of a block", "gguf"],
  ["llama-bias", "means", "hf gguf-deci"],
  ["smollm3", "means", "hf"],
  ["granite", "means", "hf"],
  ["qwen3", "a mean of attention", "hf"],
  ["qwen3", "a mean of an MLP", "hf"],
  ["gpt2", "means", "hf"],
  ["gpt2", "means without a module before the first", "llm-drop"],
  ["gpt2.gguf", "means of a block", "gguf"],
  ["neox-parallel", "means", "hf"],
  ["neox-parallel", "means without a module before the first", "llm-drop"],
  ["neox-sequential", "means without a module before the first", "llm-drop"],
  ["cohere2", "a mean of attention", "hf"],
  ...["llama", "llama.gguf", "llama-bias"].flatMap((name) =>
    MAPS.map(([what, layers]) => [name, what, "gguf-deci", layers] as const)
  ),
  ...["llama", "qwen2"].flatMap((name) =>
    (["maps and a mean", "a map without a bias"] as const).map((what) => [name, what, "hf-nas"] as const)
  ),
];

/** Hands over the model, whose MLPs have the width that `hf-nas` needs. */
const withRef = async (name: string, format: Format, use: (ref: string) => Promise<void>) =>
  format === "hf-nas" ? await withWide(name, use) : await use(await refOf(name));

for (const [name, what, formats, layers] of WRITTEN) {
  for (const format of formats.split(" ") as Format[]) {
    Deno.test(`${name} as ${format} gives what the plan gives: ${what}`, () =>
      withRef(name, format, async (ref) => {
        const { spec, close } = await openModel(ref);
        close();
        const plan = dropPlan(spec, { changes: CHANGES[what](spec) });
        await withSmaller(ref, plan, format, async (both) => {
          const [planned, found] = await bothStreams(name.replace(/(-\w+)?\.gguf$/, ""), both, plan);
          const [error, most] = [distance(found, planned), 2 * stateTolerance(spec) * largest(planned)];
          assert.ok(error <= most, `off by ${error}, at most ${most}`);
          if (layers) assert.equal(both.smaller.spec.layers.length, layers);
        });
      }));
  }
}

const to = (layer: number, module: LayerModule, kind: "mean" | "weights", name: string, tensor = zeros(8)) =>
  [{ layer, module, to: kind, tensors: keepTensors(new Map([[name, tensor]])) }] as Change[];
/** Divided by the multiplier of Granite's updates, it leaves float32. */
const large = float32([32], new Float32Array(32).fill(3e38));

const MEAN = "is replaced by a mean, .*; formats that can: onnx$";
const REFUSED: readonly (readonly [name: string, formats: string, changes: Changes, why: string])[] = [
  [
    "qwen2",
    "hf",
    CHANGES["a mean of an MLP"],
    `MLP 1 ${MEAN.replace(".*", ".* MLP 1 or attention 1 could hold")}`,
  ],
  ["gemma2", "hf", CHANGES["a mean of attention"], `attention 1 ${MEAN}`],
  ["mixtral", "hf", CHANGES["a mean of an MLP"], `MLP 1 ${MEAN}`],
  [
    "llama",
    "llm-drop",
    CHANGES.means,
    "attention 0 .* a mean, which only a bias of a module before it could hold, .*: hf, gguf-deci, onnx$",
  ],
  [
    "llama",
    "gguf",
    CHANGES["a mean of attention"],
    "attention 1 is dropped alone, .*: llm-drop, hf, gguf-deci, onnx$",
  ],
  [
    "llama",
    "hf llm-drop gguf",
    CHANGES["a map of attention"],
    "attention 1 is .* a linear map, .*: gguf-deci, onnx$",
  ],
  [
    "llama",
    "gguf-deci",
    CHANGES["maps of every attention"],
    "the model would have no keys in any layer, .*; formats that can: onnx$",
  ],
  [
    "granite",
    "hf",
    () => to(1, "attention", "mean", "mean", large),
    "tensor model\\.layers\\.1\\.self_attn\\.o_proj\\.bias: it would hold",
  ],
  ...([
    [
      to(1, "mlp", "weights", "down_proj.weight", zeros(32, 39)),
      "down_proj.weight has shape \\[32,39\\], expected \\[32,40\\]",
    ],
    [to(1, "mlp", "weights", "mean"), "down_proj.weight is missing, expected \\[32,40\\]"],
    [to(1, "mlp", "mean", "mean"), "mean has shape \\[8\\], expected \\[32\\]"],
  ] as const).map(([changes, what]) =>
    ["llama", FORMATS.join(" "), () => [...changes], `tensor layers\\.1\\.mlp\\.${what}`] as const
  ),
];

for (const [name, formats, changes, why] of REFUSED) {
  Deno.test(`${name} as ${formats}: refused with ${why.slice(0, 60)}, and nothing is written`, () =>
    withFolder(async (folder) => {
      using model = await openModel(await refOf(name));
      const plan = dropPlan(model.spec, { changes: changes(model.spec) });
      for (const format of formats.split(" ") as Format[]) {
        const written = exportModel(model, plan, { format, out: `${folder}/no` });
        const of = why.startsWith("tensor") ? "" : `.* as ${format}: `;
        await assert.rejects(written, RegExp(`^\\w+: Cannot export ${of || "(.*: )?"}${why}`));
      }
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }));
}
