/**
 * The configuration of a Nemotron-NAS model, whose `block_configs` say layer by layer which modules it has, as that of the Llama that it
 * is: widths layer by layer, LLM-Drop's lists of modules that are not there, and lists of those that are linear maps. Source: NVIDIA's
 * `block_config.py` (beside its Nemotron models) and mlx-lm's `models/nemotron-nas.py`.
 */

import { describe } from "./spelt.ts";

/** The `model_type` of such a configuration. */
export const NAS_TYPE = "nemotron-nas";

type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The configuration as a Llama's if it is one of blocks, else as it is. `values` has the same numbers for computing, where those of `config`
 * are kept as they are spelt. Throws `TypeError` or `RangeError` that names the file and the field.
 */
export function plainConfig(config: Fields, file: string, values: Fields = config): Fields {
  if (config.model_type !== NAS_TYPE) return config;
  const { block_configs: _, auto_map: __, ...others } = config;
  return { ...others, ...layersOf(values, file) };
}

/** The width of an MLP, in whole units of 256. */
function blockWidth(multiplier: number, hidden: number): number {
  return 256 * Math.ceil(Math.trunc(2 * multiplier * hidden / 3) / 256);
}

/** The multiplier of a width, to the six digits that readers keep; null where no multiplier gives this width. */
export function blockMultiplier(width: number, hidden: number): number | null {
  const multiplier = Number((3 * width / (2 * hidden)).toFixed(6));
  return blockWidth(multiplier, hidden) === width ? multiplier : null;
}

/** Largest number of layers that is believed, as in config.ts. */
const MOST_LAYERS = 4096;

function layersOf(config: Fields, file: string): Fields {
  const { num_hidden_layers: layers, num_attention_heads: heads, hidden_size: hidden } = config;
  const list = config.block_configs;
  if (!Array.isArray(list) || list.length !== layers || list.length > MOST_LAYERS) {
    const found = Array.isArray(list) ? `is a list of ${list.length}` : "is not a list";
    throw new TypeError(
      `Cannot read ${file}: block_configs ${found}, expected an entry for each of ` +
        `${describe(layers)} layers`,
    );
  }
  const blocks = list.map((block, l) => readBlock(block, `block_configs[${l}]`, file));
  const where = (is: (block: Block) => boolean) => blocks.flatMap((block, l) => is(block) ? [l] : []);
  const groups = [...new Set(blocks.flatMap(({ group }) => group ?? []))];
  if (groups.length > 1) {
    throw new RangeError(
      `Cannot read ${file}: n_heads_in_group is ${groups.join(" and ")}, expected the same in all layers`,
    );
  }
  const widths = blocks.map(({ multiplier }) =>
    multiplier === null ? null : blockWidth(multiplier, Number(hidden))
  );
  const width = widths.find((one) => one !== null) ?? blockWidth(1, Number(hidden)); // of MLPs that are not there
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    num_key_value_heads: groups.length > 0 ? Number(heads) / groups[0] : heads,
    intermediate_size: widths.some((one) => one !== null && one !== width)
      ? widths.map((one) => one ?? width)
      : width,
    drop_attn_list: where(({ attention }) => attention === "nothing"),
    drop_mlp_list: where(({ mlp }) => mlp === "nothing"),
    linear_attn_list: where(({ attention }) => attention === "linear"),
    linear_mlp_list: where(({ mlp }) => mlp === "linear"),
    linear_bias: true, // as the other modules of their kind
  };
}

type Form = "nothing" | "linear" | "usual";

interface Block {
  readonly attention: Form;
  readonly mlp: Form;
  /** Query heads that share a key head; null where the attention is not the usual one. */
  readonly group: number | null;
  /** Null where the MLP is not the usual one. */
  readonly multiplier: number | null;
}

function readBlock(block: unknown, at: string, file: string): Block {
  const names = ["attention", "ffn"];
  refuseOthers(isObject(block) ? block : {}, names, at, file);
  const parts = names.map((part) => {
    const found = isObject(block) ? block[part] : undefined;
    if (!isObject(found)) throw wrong(`${at}.${part}`, found, "an object", file);
    return found;
  });
  const size = (fields: Fields, name: string, part: string) => {
    const found = fields[name];
    if (typeof found === "number" && found > 0 && found < 1e6) return found;
    throw wrong(`${at}.${part}.${name}`, found, "a number above 0", file);
  };
  const [attention, mlp] = parts.map((fields, i) => formOf(fields, `${at}.${names[i]}`, file));
  return {
    attention,
    mlp,
    group: attention === "usual" ? size(parts[0], "n_heads_in_group", "attention") : null,
    multiplier: mlp === "usual" ? size(parts[1], "ffn_mult", "ffn") : null,
  };
}

/** What a part of a layer is. Windows, sinks and sparsity would be another model. */
function formOf(fields: Fields, at: string, file: string): Form {
  refuseOthers(fields, ["no_op", "replace_with_linear", "n_heads_in_group", "ffn_mult"], at, file);
  const flag = (name: string) => {
    const found = fields[name] ?? false;
    if (typeof found !== "boolean") throw wrong(`${at}.${name}`, found, "true or false", file);
    return found;
  };
  const [isDropped, isLinear] = [flag("no_op"), flag("replace_with_linear")];
  if (isDropped && isLinear) throw wrong(`${at}.replace_with_linear`, true, "false beside no_op", file);
  return isDropped ? "nothing" : isLinear ? "linear" : "usual";
}

/** Throws for a field of which nothing is known, unless it is null or false. */
function refuseOthers(fields: Fields, known: readonly string[], at: string, file: string): void {
  const odd = Object.entries(fields).find(([name, value]) =>
    !known.includes(name) && value !== null && value !== false
  );
  if (odd) throw wrong(`${at}.${odd[0].slice(0, 60)}`, odd[1], "null", file);
}

function wrong(field: string, found: unknown, expected: string, file: string): TypeError {
  const text = (JSON.stringify(found) ?? "missing").slice(0, 60);
  return new TypeError(`Cannot read ${file}: ${field} is ${text}, expected ${expected}`);
}

/**
 * The set of dropped layers in one of LLM-Drop's lists (`drop_attn_list`, `drop_mlp_list` of `config.json`): null, [], a list of layer
 * indices in any order (0-based, of the original layers), or one boolean a layer. Throws naming the file, the list and the entry.
 */
export function readDropList(list: unknown, layers: number, name: string, file: string): Set<number> {
  if (list === null || list === undefined) return new Set();
  const wrong = (what: string) => new RangeError(`Cannot read ${file}: ${name} ${what}`);
  if (!Array.isArray(list)) throw wrong(`is ${describe(list)}, expected null or a list`);
  if (list.length > 0 && list.every((entry) => typeof entry === "boolean")) {
    if (list.length !== layers) throw wrong(`has ${list.length} booleans, expected ${layers}`);
    return new Set(list.flatMap((dropped, l) => dropped ? [l] : []));
  }
  const dropped = new Set<number>();
  list.forEach((entry, i) => {
    if (typeof entry !== "number" || !Number.isInteger(entry)) {
      throw wrong(`has ${describe(entry)} at entry ${i}, expected a layer index`);
    }
    if (entry < 0 || entry >= layers) throw wrong(`has ${entry} at entry ${i}, expected 0 to ${layers - 1}`);
    if (dropped.has(entry)) throw wrong(`has ${entry} again at entry ${i}, expected each layer once`);
    dropped.add(entry);
  });
  return dropped;
}
