/**
 * A graph under construction: values that know where they come from, and operators that connect them.
 *
 * An operator (see `operators.ts`) is a function from values to values; calling it appends one node. The finished
 * graph is an ONNX model in bytes. Shapes are those of the declared inputs only: ONNX Runtime infers the rest.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import * as Protobuf from "@bufbuild/protobuf";
import type { AttributeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from "onnx-buf";
import * as Onnx from "onnx-buf";
import { bytesOf, type DType, elements, type Tensor } from "../tensor/mod.ts";
import numbers from "./element_types.json" with { type: "json" };

/**
 * ONNX operator set of a graph: 24 has Attention. No newer one, since kernels are looked up by it and engines lag behind:
 * WebGPU has none for the Transpose of 25.
 */
const OPSET = 24;
const IR_VERSION = 11;

/** A side of a shape: a number, or a name for one that is known when the graph runs. */
export type Dim = number | string;

/** An edge of the graph. */
export type Value = { readonly graph: Graph; readonly name: string };

/** What an attribute of a node may be; integers are written as ONNX INT, `{ float }` as FLOAT. */
type Attribute = number | string | readonly number[] | { readonly float: number };

/** A graph under construction. */
export interface Graph {
  /** Declares an input that is fed at run time. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value;
  constant(tensor: Tensor): Value;
  /** Appends a node with `outputs` results; an absent optional input is `null`. */
  node(
    operator: string,
    inputs: readonly (Value | null)[],
    attributes?: Readonly<Record<string, Attribute | undefined>>,
    outputs?: number,
    domain?: string,
  ): Value[];
  /** Declares a result under a name; a shape is for readers, no engine needs it. */
  output(name: string, value: Value, dtype?: DType, shape?: readonly Dim[]): void;
  /** Names of the declared inputs, in order. */
  readonly inputs: readonly string[];
  /** Names of the declared outputs, in order. */
  readonly outputs: readonly string[];
  /** Element types of the declared inputs and outputs, by name. */
  readonly types: ReadonlyMap<string, DType>;
  /** Whether some of its products have factors of bfloat16. */
  readonly hasBfloat16: boolean;
  /** The finished model, serialised; its inputs that a `stored` file has are weights. */
  toBytes(stored?: StoredWeights): Uint8Array<ArrayBuffer>;
}

/** Where weights lie in files beside the model, by name: inside the model they may not pass 2 GiB. */
export type StoredWeights = ReadonlyMap<string, StoredRange>;

interface StoredRange {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** Its shape, where the input leaves sides open. */
  readonly shape?: readonly number[];
}

/** The number by which ONNX knows an element type (`TensorProto.DataType`), and ONNX Runtime too. */
export const dataType = (dtype: DType): number => numbers[dtype];

type Declared = { readonly name: string; readonly dtype: DType; readonly shape?: readonly Dim[] | undefined };

interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute | undefined>>;
  readonly domain: string;
}

type TensorProto = MessageInitShape<typeof TensorProtoSchema>;

export function createGraph(): Graph {
  const nodes: Node[] = [];
  const inputs: Declared[] = [];
  const outputs: Declared[] = [];
  const constants: TensorProto[] = [];
  const types = new Map<string, DType>();
  /** Results of nodes that are no output yet; and the names of outputs for those that are, without a node that copies them. */
  const unnamed = new Set<string>();
  const renamed = new Map<string, string>();
  let count = 0;
  const graph: Graph = {
    input(name, dtype, shape) {
      types.set(name, dtype);
      inputs.push({ name, dtype, shape });
      return { graph, name };
    },
    constant(tensor) {
      const name = `constant_${constants.length}`;
      constants.push(tensorProto(name, tensor));
      return { graph, name };
    },
    node(operator, values, attributes = {}, results = 1, domain = "") {
      const outputs = Array.from({ length: results }, () => `${operator}_${count++}`);
      nodes.push({ operator, inputs: values.map((value) => value?.name ?? ""), outputs, attributes, domain });
      outputs.forEach((name) => unnamed.add(name));
      return outputs.map((name) => ({ graph, name }));
    },
    output(name, value, dtype = "f32", shape) {
      types.set(name, dtype);
      if (unnamed.delete(value.name)) renamed.set(value.name, name);
      else {
        nodes.push({
          operator: "Identity",
          inputs: [value.name],
          outputs: [name],
          attributes: {},
          domain: "",
        });
      }
      outputs.push({ name, dtype, shape });
    },
    get inputs() {
      return inputs.map(({ name }) => name);
    },
    get outputs() {
      return outputs.map(({ name }) => name);
    },
    types,
    get hasBfloat16() {
      return nodes.some(({ operator, attributes }) =>
        operator === "Cast" && attributes.to === dataType("bf16")
      );
    },
    toBytes(stored = new Map()) {
      const isStored = ({ name }: Declared) => stored.has(name);
      const external = inputs.filter(isStored).map((weight) =>
        externalProto(weight, stored.get(weight.name)!)
      );
      const named = (name: string) => renamed.get(name) ?? name;
      const needed = new Set(outputs.map(({ name }) => name));
      const used = nodes.toReversed().filter((node) => {
        const isUsed = node.outputs.some((name) => needed.has(named(name)));
        if (isUsed) node.inputs.forEach((name) => needed.add(named(name)));
        return isUsed;
      }).reverse();
      const model = Protobuf.create(Onnx.ModelProtoSchema, {
        irVersion: BigInt(IR_VERSION),
        producerName: "lamina",
        opsetImport: [{ domain: "", version: BigInt(OPSET) }, { domain: "com.microsoft", version: 1n }],
        graph: {
          name: "module",
          node: used.map(({ operator, inputs, outputs, attributes, domain }) => ({
            name: outputs[0],
            opType: operator,
            domain,
            input: inputs.map(named),
            output: outputs.map(named),
            attribute: Object.entries(attributes).flatMap(([name, value]) =>
              value === undefined ? [] : [attributeProto(name, value)]
            ),
          })),
          input: inputs.filter((input) => !isStored(input)).map(valueProto),
          output: outputs.map(valueProto),
          initializer: [...constants, ...external],
        },
      });
      return Protobuf.toBinary(Onnx.ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
    },
  };
  return graph;
}

function attributeProto(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") {
    return { name, type: Onnx.AttributeProto_AttributeType.INT, i: BigInt(value) };
  }
  if (typeof value === "string") {
    return { name, type: Onnx.AttributeProto_AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ("float" in value) return { name, type: Onnx.AttributeProto_AttributeType.FLOAT, f: value.float };
  return { name, type: Onnx.AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}

function valueProto({ name, dtype, shape }: Declared): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = (side: Dim) =>
    typeof side === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(side) } }
      : { value: { case: "dimParam" as const, value: side } };
  const tensor = { elemType: dataType(dtype), ...shape && { shape: { dim: shape.map(dim) } } };
  return { name, type: { value: { case: "tensorType", value: tensor } } };
}

/** A tensor whose bytes are elsewhere. */
function externalProto(
  { name, dtype, shape }: Declared,
  { file: location, offset, bytes: length, shape: own = shape as readonly number[] }: StoredRange,
): TensorProto {
  return {
    name,
    dataType: dataType(dtype),
    dims: own.map(BigInt),
    dataLocation: Onnx.TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location, offset, length }).map(([key, value]) => ({
      key,
      value: String(value),
    })),
  };
}

function tensorProto(name: string, { dtype, shape, data }: Tensor): TensorProto {
  if (elements(shape) !== data.length) {
    throw new RangeError(`Cannot make constant ${name}: ${data.length} elements, expected [${shape}]`);
  }
  return { name, dataType: dataType(dtype), dims: shape.map(BigInt), rawData: bytesOf(data) };
}
