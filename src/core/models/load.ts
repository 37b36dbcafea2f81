/**
 * From the files of a checkpoint to a model: what it is (`ModelSpec`) and its weights, one layer at a time.
 *
 * Every tensor that the graphs will ask for is looked up here, with its shape, before anything runs.
 */
import {
  type CheckpointFiles,
  type GgufFile,
  layered,
  openSafetensors,
  type TensorFile,
  type TensorRef,
  type WeightSource,
  withMxfp4,
  withPacked,
} from "../weights/mod.ts";
import { isObject, plainConfig, readDropList } from "./config/blocks.ts";
import { type Allowance, readConfig } from "./config/config.ts";
import { packingOf } from "./config/packing.ts";
import { families, unsupported } from "./families/list.ts";
import { ggufConfig, ggufNames, ggufTensors } from "./families/gguf.ts";
import { readRopeFactors } from "./gguf/rope.ts";
import { layerTensors, routed } from "./modules/list.ts";
import type { TensorNeed } from "./pieces.ts";
import { type ModelSpec, modelTensors, outerTensors } from "./spec.ts";
import { type NameTable, plainName, storedTensor } from "./stored/names.ts";
import { differ, untied } from "./stored/own_head.ts";
import { ignoredTensors } from "./stored/unread.ts";

/** A checkpoint that can be run. */
export interface Model {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly weights: WeightSource;
  /** `config.json`, or the equivalent from a GGUF file's metadata. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Fields of the configuration and tensors that were ignored because the user said so. */
  readonly allowed?: readonly string[];
  /** Where the checkpoint has a tensor of a layer or outside them; absent where there is no checkpoint. */
  readonly stored?: (name: string, layer?: number) => TensorRef;
}

interface LoadOptions {
  /** Fields and tensors that may be there though nobody knows them. */
  readonly allowed?: readonly string[];
  /** Hears of a head that the file has and the configuration does not. */
  readonly onNotice?: ((line: string) => void) | undefined;
}

/** Loads a folder in Hugging Face layout. */
export async function loadFolder(
  files: CheckpointFiles,
  config: unknown,
  { allowed = [], onNotice }: LoadOptions = {},
): Promise<Model> {
  const { name } = files;
  const { spec: said, whole, allowed: fields } = described(config, `${name}: config.json`, allowed);
  const opened = withMxfp4(await openSafetensors(files));
  try {
    const file = await withPacked(opened, packingOf(config, `${name}: config.json`), name);
    const names = families[said.family].names(said, file.tensors);
    const hasOwnHead = said.head.tied && await findOwnHead(file, names, name, onNotice);
    const spec = hasOwnHead ? { ...said, head: { ...said.head, tied: false } } : said;
    const plain = plainConfig(config as Model["config"], `${name}: config.json`);
    const model = read(spec, whole, file, names, name, allowed);
    return { ...model, config: hasOwnHead ? untied(plain) : plain, allowed: [...fields, ...model.allowed] };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** Whether the file has a head that differs from the embedding, to which the configuration ties it; says so. */
async function findOwnHead(
  file: TensorFile,
  names: NameTable,
  name: string,
  onNotice: LoadOptions["onNotice"],
): Promise<boolean> {
  const [head, embedding] = ["head.weight", "embedding.weight"].map((canonical) => {
    const wanted = storedTensor(names, canonical).name;
    return file.tensors.keys().find((stored) => plainName(stored) === plainName(wanted));
  });
  if (head === undefined || embedding === undefined || !await differ(file, [head, embedding])) return false;
  onNotice?.(
    `${name}: ${head} differs from ${embedding}, although tie_word_embeddings ties them; ${head} is used, as in transformers 5 ` +
      "(transformers 4 uses the embedding)",
  );
  return true;
}

/** Loads a GGUF file. Names in `allowed` are of tensors and of fields of its architecture. */
export async function loadGguf(
  opened: GgufFile,
  name: string,
  { allowed = [] }: LoadOptions = {},
): Promise<Model> {
  const allowance: Allowance = { names: new Set(allowed), used: new Set() };
  const header = { ...opened, ropeFactors: await readRopeFactors(opened, name) };
  const config = ggufConfig(header, name, allowance);
  const { spec, whole } = described(config, name, []);
  const architecture = String(opened.metadata.get("general.architecture"));
  const file = ggufTensors(architecture, opened, spec, name);
  const model = read(spec, whole, file, ggufNames(architecture, spec, file.tensors), name, allowed);
  return { ...model, config, allowed: [...allowance.used, ...model.allowed] };
}

/** The model in a file of which every tensor is known. `whole` is the model with its dropped modules, whose tensors may be there. */
function read(
  spec: ModelSpec,
  whole: ModelSpec,
  file: TensorFile,
  names: NameTable,
  name: string,
  allowed: readonly string[],
) {
  const find = finder(spec, file, names, name);
  const found = new Set<string>();
  const weights = source(spec, file, (canonical, layer) => {
    const ref = find(canonical, layer);
    found.add(ref.name);
    return ref;
  }, name);
  const plain = (canonical: string, layer?: number) => plainName(storedTensor(names, canonical, layer).name);
  const others = () => [
    plain("head.weight"),
    ...modelTensors(whole).map(({ need: [canonical], layer }) => plain(canonical, layer)),
  ];
  const ignored = ignoredTensors(file, found, others, spec, allowed, name);
  return { name, spec, weights, stored: find, allowed: ignored };
}

/**
 * The model that a configuration describes, without the modules in LLM-Drop's lists. `file` names it in errors. Fields in
 * `allowed` are passed over though nobody knows them.
 */
export function readSpec(raw: unknown, file: string, allowed: readonly string[] = []): ModelSpec {
  return described(raw, file, allowed).spec;
}

/** The fields among `allowed` without which `readSpec` would refuse the configuration, sorted. */
export function allowedFields(raw: unknown, file: string, allowed: readonly string[]): string[] {
  return described(raw, file, allowed).allowed;
}

function described(
  raw: unknown,
  file: string,
  allowed: readonly string[],
): { spec: ModelSpec; whole: ModelSpec; allowed: string[] } {
  const allowance: Allowance = { names: new Set(allowed), used: new Set() };
  const plain = isObject(raw) ? plainConfig(raw, file) : raw;
  const config = readConfig(plain, file, allowance);
  const type = config.string("model_type");
  if (!Object.hasOwn(families, type)) {
    const isEncoderDecoder = config.value("is_encoder_decoder") === true;
    throw unsupported(file, type, isEncoderDecoder);
  }
  const spec = families[type].spec(config);
  const dropped = (name: string) => readDropList(config.value(name), spec.layers.length, name, file);
  const [attention, mlp] = [dropped("drop_attn_list"), dropped("drop_mlp_list")];
  config.done();
  const layers = spec.layers.map((layer, l) => ({
    ...layer,
    attention: attention.has(l) ? null : layer.attention,
    mlp: mlp.has(l) ? null : layer.mlp,
  }));
  const trained = trainedLength(raw as Fields);
  return {
    spec: { ...spec, layers, ...trained === undefined ? {} : { trained } },
    whole: spec,
    allowed: [...allowance.used].sort(),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** What a configuration, or that of its text part, calls its longest text; a value that is no such length says nothing. */
function trainedLength(raw: Fields): number | undefined {
  const text = (raw.text_config ?? raw) as Fields;
  const found = ["max_position_embeddings", "n_positions", "n_ctx"].map((name) => text[name] ?? raw[name]);
  return found.find((value): value is number => Number.isSafeInteger(value) && Number(value) > 0);
}

/** Finds the checkpoint's tensor of a canonical name. Throws `TypeError` where it is not there exactly once. */
type Finder = (canonical: string, layer?: number) => TensorRef;

/** A tensor is found however the model was wrapped when it was saved; a tied head is the embedding. */
function finder(spec: ModelSpec, file: TensorFile, names: NameTable, name: string): Finder {
  checkMerged(file, name);
  const stored = Map.groupBy(file.tensors.keys(), plainName);
  return (canonical, layer) => {
    const tied = canonical === "head.weight" && spec.head.tied;
    const ref = storedTensor(names, tied ? "embedding.weight" : canonical, layer);
    return { ...ref, name: findName(ref.name, stored.get(plainName(ref.name)), file, name) };
  };
}

function source(spec: ModelSpec, file: TensorFile, find: Finder, name: string): WeightSource {
  const findAll = (needs: TensorNeed[], layer?: number) =>
    needs.map(([canonical, shape]): [string, TensorRef] => {
      const ref = find(canonical, layer);
      const rows = ref.rows ? [ref.rows.of, ...shape.slice(1)] : shape;
      const experts = () => routed(spec.layers[layer!].mlp)?.experts ?? 1;
      check(file, ref, ref.at === undefined ? rows : [experts(), ...rows], name);
      return [canonical, {
        ...ref,
        order: ref.order && ordered(ref, name),
        transform: ref.transform && ((stored, allocate) => { // its result must have the shape that the model needs
          const what = `Cannot load ${name}: tensor ${ref.name} of shape [${stored.shape}]`;
          const made = explained(what, () => ref.transform!(stored, allocate));
          if (made.shape.join() === shape.join()) return made;
          throw new TypeError(`${what} gives [${made.shape}], expected [${shape}]`);
        }),
      }];
    });
  const layers = spec.layers.map((layer, l) => findAll(layerTensors(layer, spec.hidden), l));
  const outer = Object.fromEntries(findAll(outerTensors(spec)));
  if (spec.head.tied) outer["head.weight"] = outer["embedding.weight"];
  return layered({ file, layers: layers.length, layer: (l) => layers[l], outer });
}

const wrong = (name: string, tensor: string, text: string) =>
  new TypeError(`Cannot load ${name}: tensor ${tensor} ${text}`);

/** An adapter beside the weights would be passed over, and the model would be another one. */
function checkMerged(file: TensorFile, name: string): void {
  const adapter = file.tensors.keys().find((tensor) => /(^|\.)(lora_\w+|base_layer)(\.|$)/.test(tensor));
  if (adapter === undefined) return;
  const merge = "expected merged weights, from model.merge_and_unload().save_pretrained(DIR)";
  throw wrong(name, adapter, `belongs to an adapter that is not merged, ${merge}`);
}

/** The one of the file's tensors that is called so, however the model was wrapped. */
function findName(wanted: string, found: string[] = [], file: TensorFile, name: string): string {
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw wrong(name, wanted, `occurs ${found.length} times (${found.join(", ")}), expected once`);
  }
  const listed = file.lacking.keys().find((tensor) => plainName(tensor) === plainName(wanted));
  const isPacked = file.tensors.keys().some((tensor) => tensor.endsWith(".qweight"));
  const unsaid = isPacked
    ? ": weights are packed (.qweight), and config.json has no quantization_config"
    : "";
  const why = listed === undefined ? unsaid : `: ${file.lacking.get(listed)}`;
  throw wrong(name, wanted, `is missing${why}`);
}

function check(file: TensorFile, stored: TensorRef, shape: readonly number[], name: string): void {
  const info = file.tensors.get(stored.name)!;
  if (info.dtype !== "f32" && info.dtype !== "f16" && info.dtype !== "bf16") {
    throw wrong(name, stored.name, `is ${info.type}, expected F64, F32, F16 or BF16`);
  }
  const agrees = info.shape.length === shape.length && info.shape.every((side, i) => side === shape[i]);
  // What a fused matrix must measure, only its transform knows: its result is checked when the layer is read.
  if (!agrees && !stored.transform) {
    throw wrong(name, stored.name, `has shape [${info.shape}], expected [${shape}]`);
  }
}

/** The order of a tensor's rows. Its errors name file and tensor. */
function ordered({ name: tensor, order }: TensorRef, name: string): TensorRef["order"] {
  return (rows) => explained(`Cannot load ${name}: tensor ${tensor} of ${rows} rows`, () => order!(rows));
}

/** What `make` gives; what it throws, behind what it is about. */
function explained<Made>(what: string, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw new RangeError(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
