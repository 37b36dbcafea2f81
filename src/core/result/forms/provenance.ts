/** What all forms share: their first fields, plans, where the numbers come from, values by layer. */
import { z } from "zod";
import { type Check, number, text, unknownText } from "../../entry/mod.ts";
import {
  type Change,
  CHANGE_FIELDS,
  type ChangeField,
  CHANGES,
  type DropPlan,
  eachMean,
  MODULES,
  TABLES,
  type TablesChange,
} from "../../measure/mod.ts";

/** Layers, 0-based, in the original numbering. */
export const indices = z.array(z.int().nonnegative());

const layer = z.int().nonnegative();
const tensors = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hexadecimal digits");

/** An object of these fields and no others: an unknown one would be dropped in silence. `noun` names it in errors. */
export function strict<Shape extends z.ZodRawShape>(noun: string, shape: Shape) {
  return z.strictObject(shape, {
    error({ code, keys: [first] = [] }: { readonly code?: string; readonly keys?: readonly string[] }) {
      return code === "unrecognized_keys"
        ? unknownText(`field "${first}" of ${noun}`, first, Object.keys(shape))
        : undefined;
    },
  });
}

/** Every field of a change: its form in results, and its check in arguments. */
export const changeFields: Readonly<Record<ChangeField, readonly [form: z.ZodType, check: Check]>> = {
  tensors: [tensors, text],
  along: [z.number(), number("a finite number")],
  across: [z.number(), number("a finite number")],
  in: [z.string(), text],
  out: [z.string(), text],
};

const [firstChange, ...otherChanges] = CHANGES.map((to) => {
  const own = Object.entries<boolean>(CHANGE_FIELDS[to]).map(([name, isRequired]) => {
    const [field] = changeFields[name as ChangeField];
    return [name, isRequired ? field : field.optional()];
  });
  const shape = { layer, module: z.enum(MODULES), to: z.literal(to), ...Object.fromEntries(own) };
  return strict(`a change to "${to}"`, shape);
});

/** Every change: the fields of its kind and no others. */
const changeForm = z.discriminatedUnion("to", [firstChange, ...otherChanges]) as unknown as z.ZodType<Change>;

/** How the tables of words are changed. */
const tablesForm = strict("a change of the tables", {
  both: z.enum(TABLES).optional(),
  embedding: z.string().optional(),
  head: z.string().optional(),
  tensors: tensors.optional(),
}) satisfies z.ZodType<TablesChange>;

/** Dropped modules, and changes of others and of the tables of words; absent if there are none. */
export const dropForm = strict("a plan", {
  attention: indices,
  mlp: indices,
  changes: z.array(changeForm).optional(),
  tables: tablesForm.optional(),
}) satisfies z.ZodType<DropPlan>;

/** A copy of a plan, for results. */
export function planData({ attention, mlp, changes, tables }: DropPlan): z.infer<typeof dropForm> {
  return {
    attention: [...attention],
    mlp: [...mlp],
    ...changes ? { changes: [...changes] } : {},
    ...tables ? { tables: { ...tables } } : {},
  };
}

export const modelForm = z.object({
  name: z.string(),
  /** Fingerprint of the weight files (see the hub room). */
  fingerprint: z.string(),
  revision: z.string().nullable(),
  /** How the weights are stored: "GGUF Q4_1". */
  format: z.string(),
  family: z.string(),
  layers: z.int().positive(),
  /** Unknown fields of its configuration that the user chose to ignore; absent if empty. */
  allowedFields: z.array(z.string()).optional(),
});

/** What computed the numbers. */
export const computedForm = z.object({
  /** The precision of products: float32, tf32, bfloat16, or int8, in which activations are rounded to bytes, a scale for each block. */
  dtype: z.string(),
  /** cpu, webgpu, cuda or openvino. */
  engine: z.string(),
  /** Library and version. */
  runtime: z.string(),
  /** The device in words; absent for the CPU. */
  device: z.string().optional(),
});
/** What computed the numbers: precision, engine, runtime, device. */
export type Computed = z.infer<typeof computedForm>;

/** Everything that the numbers depend on except the method (kind.ts). */
export const provenanceForm = z.object({
  lamina: z.string(),
  model: modelForm,
  ...computedForm.shape,
  tokenizer: z.string(),
  text: z.object({ name: z.string(), hash: z.string() }),
  packing: z.object({
    samples: z.int().positive(),
    length: z.int().positive(),
    skip: z.int(),
    bos: z.boolean(),
    /** Tokens of the longest text that the model was trained on, where samples are longer than that; absent otherwise. */
    trained: z.int().positive().optional(),
  }),
  drop: dropForm,
  seed: z.int().nullable(),
  /**
   * Values that a function changed during the run, and the layers; absent where no function could. `by` is the hash of all that decides the
   * change; without it, the result is not kept.
   */
  changed: z.object({ values: z.array(z.string()), layers: indices, by: z.string().optional() }).optional(),
});
/** Everything that the numbers depend on: equal provenance means equal numbers. */
export type Provenance = z.infer<typeof provenanceForm>;

/**
 * What a study's text shares with the text that its plans were calibrated on. It is said of a result as it is shown, and depends on
 * which texts the machine has: absent where nothing is shared, or a calibration text cannot be had.
 */
export const sharedForm = z.array(z.object({
  /** The text, or the task, that the study is evaluated on. */
  text: z.string(),
  /** What the other text was for: the plan's scores, or its repair. */
  calibration: z.enum(["scores", "repair"]),
  /** The share of the 13-token sequences of the study's text that are in the other. */
  share: z.number().min(0).max(1),
})).min(1);
/** What a study's text shares with one calibration text. */
export type SharedText = z.infer<typeof sharedForm>[number];

/** What computed the numbers, of all that they depend on. */
export function computedIn({ dtype, engine, runtime, device }: Computed): Computed {
  return { dtype, engine, runtime, ...device === undefined ? {} : { device } };
}

/** Whether two results may be put together, as far as what computed them goes. */
export function computedAlike(a: Computed, b: Computed): boolean {
  return JSON.stringify(computedIn(a)) === JSON.stringify(computedIn(b));
}

/** The same form for each kind of module. */
export const byKind = <T extends z.ZodType>(of: T): { attention: T; mlp: T; block: T } => (
  { attention: of, mlp: of, block: of }
);

/** A number for each layer [L]; null where the module is dropped. */
export const perLayer = z.array(z.number().nullable());
/** Means of updates of one kind of module, by layer [L]. */
const { directions, ...means } = eachMean(() => perLayer);
export const updateMeans = { ...means, directions: z.object(directions) };

/** The ends of a 95 % interval; null where there is none. */
export const endsForm = { low: z.number().nullable(), high: z.number().nullable() };
/** A number with its interval, by drawing samples again; null where it is undefined, the ends where there is one sample alone. */
export const estimateForm = z.object({ value: z.number(), ...endsForm }).nullable();
/** Spearman's correlation over layers or modules, null where one side does not vary; no interval below four of them, or at ±1. */
export const rankForm = { rank: z.number().nullable(), ...endsForm };

/** Whole numbers by layer [L]; null where there is no module. */
const wholes = z.array(z.int().nonnegative().nullable());

/** How large the modules are. */
export const sizesForm = z.object({
  /** Length of the stream's vectors. */
  hidden: z.int().positive(),
  /** Weights of the whole model. */
  parameters: z.int().nonnegative(),
  /** Weights by layer. */
  attention: wholes,
  mlp: wholes,
  /** Bytes of keys and values for each token by layer, in 16 bits. */
  kvBytes: wholes,
  /** Tokens that a layer keeps at most; null for all. */
  kvTokens: wholes,
});
/** The sizes of the modules. */
export type Sizes = z.infer<typeof sizesForm>;
