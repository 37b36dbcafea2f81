/**
 * A graph under construction: values that know where they come from, and operators that connect them.
 *
 * An operator (see `operators.ts`) is a function from values to values; calling it appends one node. The finished
 * graph is an ONNX model in bytes. Shapes are those of the declared inputs only: ONNX Runtime infers the rest.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto_Tensor,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type DType, elements, type Tensor } from "../tensor/mod.ts";

/**
 * ONNX operator set of a graph: 24 has Attention. No newer one, since kernels are looked up by it and engines lag behind:
 * WebGPU has none for the Transpose of 25.
 */
const OPSET = 24;
const IR_VERSION = 11;

/** A side of a shape: a number, or a name for one that is known when the graph runs. */
export type Dim = number | string;

/** An edge of the graph. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
}

/** What an attribute of a node may be; integers are written as ONNX INT, `{ float }` as FLOAT. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** A graph under construction. */
export interface Graph {
  /** Declares an input that is fed at run time. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value;
  /** Adds a constant. */
  constant(tensor: Tensor): Value;
  /** Adds a weight: a constant whose bytes stay outside the serialised model, since those may not pass 2 GiB. */
  weight(name: string, tensor: Tensor): Value;
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
  /** Tensors of the weights, by name: whoever compiles the model hands them over beside its bytes. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** The finished model, serialised; with `fed`, its weights are inputs, and inputs of which a `stored` file says are weights. */
  toBytes(options?: { readonly fed?: boolean; readonly stored?: StoredWeights }): Uint8Array<ArrayBuffer>;
}

/** Where weights lie in a file beside the model, by name. */
export interface StoredWeights {
  readonly file: string;
  readonly ranges: ReadonlyMap<string, { readonly offset: number; readonly bytes: number }>;
}

const dataTypes: Record<DType, DataType> = {
  f64: DataType.DOUBLE,
  f32: DataType.FLOAT,
  f16: DataType.FLOAT16,
  bf16: DataType.BFLOAT16,
  i64: DataType.INT64,
  i32: DataType.INT32,
  i16: DataType.INT16,
  i8: DataType.INT8,
  u8: DataType.UINT8,
  bool: DataType.BOOL,
};

/** The number by which ONNX knows an element type (the `to` of Cast). */
export function dataType(dtype: DType): number {
  return dataTypes[dtype];
}

/** Starts an empty graph. */
export function createGraph(): Graph {
  const nodes: ReturnType<typeof node>[] = [];
  const inputs: ReturnType<typeof valueInfo>[] = [];
  const outputs: ReturnType<typeof valueInfo>[] = [];
  const constants: ReturnType<typeof tensorProto>[] = [];
  const weights = new Map<string, Tensor>();
  const types = new Map<string, DType>();
  /** Results of nodes that are no output yet; and the names of outputs for those that are, without a node that copies them. */
  const unnamed = new Set<string>();
  const renamed = new Map<string, string>();
  let count = 0;
  const graph: Graph = {
    input(name, dtype, shape) {
      types.set(name, dtype);
      inputs.push(valueInfo(name, dataTypes[dtype], shape));
      return { graph, name };
    },
    constant(tensor) {
      const name = `constant_${constants.length}`;
      constants.push(tensorProto(name, tensor));
      return { graph, name };
    },
    weight(name, tensor) {
      weights.set(name, tensor);
      return { graph, name };
    },
    node(operator, ins, attributes = {}, results = 1, domain = "") {
      const names = Array.from({ length: results }, () => `${operator}_${count++}`);
      nodes.push(node(operator, ins, names, attributes, domain));
      names.forEach((name) => unnamed.add(name));
      return names.map((name) => ({ graph, name }));
    },
    output(name, value, dtype = "f32", shape) {
      types.set(name, dtype);
      if (unnamed.delete(value.name)) renamed.set(value.name, name);
      else nodes.push(node("Identity", [value], [name], {}, ""));
      outputs.push(valueInfo(name, dataTypes[dtype], shape));
    },
    get inputs() {
      return inputs.map((info) => info.name);
    },
    get outputs() {
      return outputs.map((info) => info.name);
    },
    types,
    weights,
    toBytes({ fed = false, stored } = {}) {
      const own = [...weights];
      const fedWeights = own.map(([name, { dtype, shape }]) => valueInfo(name, dataTypes[dtype], shape));
      const isStored = ({ name }: { name: string }) => stored?.ranges.has(name) ?? false;
      const external = [
        ...own.map(([name, { dtype, shape, data }]) =>
          externalProto(name, dataTypes[dtype], shape.map(BigInt), {
            location: name, // a file that never exists
            offset: 0,
            length: data.byteLength,
          })
        ),
        ...inputs.filter(isStored).map((info) => storedProto(info, stored!)),
      ];
      const named = (name: string) => renamed.get(name) ?? name;
      const model = create(ModelProtoSchema, {
        irVersion: BigInt(IR_VERSION),
        producerName: "lamina",
        opsetImport: [
          create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(OPSET) }),
          create(OperatorSetIdProtoSchema, { domain: "com.microsoft", version: 1n }),
        ],
        graph: create(GraphProtoSchema, {
          name: "module",
          node: nodes.map((one) => ({ ...one, input: one.input.map(named), output: one.output.map(named) })),
          input: [...inputs.filter((info) => !isStored(info)), ...fed ? fedWeights : []],
          output: outputs,
          initializer: fed ? constants : [...constants, ...external],
        }),
      });
      return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
    },
  };
  return graph;
}

function node(
  operator: string,
  inputs: readonly (Value | null)[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute | undefined>>,
  domain: string,
) {
  return create(NodeProtoSchema, {
    name: outputs[0],
    opType: operator,
    domain,
    input: inputs.map((value) => value?.name ?? ""),
    output: [...outputs],
    attribute: Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [attribute(name, value)]
    ),
  });
}

function attribute(name: string, value: Attribute) {
  const base = { name };
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { ...base, type: AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === "string") {
    return create(AttributeProtoSchema, {
      ...base,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  }
  if ("float" in value) {
    return create(AttributeProtoSchema, { ...base, type: AttributeType.FLOAT, f: value.float });
  }
  return create(AttributeProtoSchema, { ...base, type: AttributeType.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, elemType: DataType, shape: readonly Dim[] | undefined) {
  const dim = (side: Dim) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof side === "number"
        ? { case: "dimValue", value: BigInt(side) }
        : { case: "dimParam", value: side },
    });
  const tensorType = create(TypeProto_TensorSchema, {
    elemType,
    ...shape && { shape: create(TensorShapeProtoSchema, { dim: shape.map(dim) }) },
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } }),
  });
}

/** A tensor whose bytes are elsewhere. */
function externalProto(
  name: string,
  dataType: DataType,
  dims: bigint[],
  place: { readonly location: string; readonly offset: number; readonly length: number },
) {
  const externalData = Object.entries(place).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) })
  );
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims,
    dataLocation: DataLocation.EXTERNAL,
    externalData,
  });
}

/** A declared input as a weight. */
function storedProto({ name, type }: ReturnType<typeof valueInfo>, { file, ranges }: StoredWeights) {
  const { elemType, shape } = type!.value.value as TypeProto_Tensor;
  const dims = shape!.dim.map(({ value }) => value.value as bigint);
  const { offset, bytes } = ranges.get(name)!;
  return externalProto(name, elemType!, dims, { location: file, offset, length: bytes });
}

function tensorProto(name: string, { dtype, shape, data }: Tensor) {
  if (elements(shape) !== data.length) {
    throw new RangeError(`Cannot make constant ${name}: ${data.length} elements, expected [${shape}]`);
  }
  return create(TensorProtoSchema, {
    name,
    dataType: dataTypes[dtype],
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>,
  });
}
