/**
 * An engine that counts what it runs. Every operator that multiplies gets outputs of its own, which tell the shapes of its inputs: what is
 * counted is what was computed, whatever a price said.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Engine, Held } from "core/engine/mod.ts";
import type { Graph } from "core/onnx/mod.ts";
import { elements } from "core/tensor/mod.ts";
import { protoOf } from "../onnx/read.ts";
import { engine } from "../../support.ts";

/** Multiplications and additions, and modules: an attention or an MLP of one batch, however many graphs it takes. */
export interface Counted {
  /** Products with weights. */
  products: number;
  /** Products of queries with the keys and values that they see. */
  seen: number;
  /** Products of all queries with all keys and values, those that a mask hides too. */
  rectangles: number;
  /** Products of linear attention with its states. */
  states: number;
  modules: number;
}

/** An input of a node: its shape, or its numbers. */
type Told = readonly number[];
interface Operator {
  /** The inputs that it is counted by. */
  readonly inputs: readonly { readonly at: number; readonly as: "Shape" | "Identity" }[];
  count(told: readonly Told[], node: NodeProto): Partial<Counted>;
}

const shapes = (...places: number[]) => places.map((at) => ({ at, as: "Shape" }) as const);
const attributeOf = ({ attribute }: NodeProto, name: string) => {
  const found = attribute.find((one) => one.name === name);
  return found && Number(found.i);
};

const operators: Readonly<Record<string, Operator>> = {
  Gemm: {
    inputs: shapes(0, 1),
    count([a, b], node) {
      const columns = attributeOf(node, "transB") ? b[0] : b[1];
      return { products: 2 * elements(a) * columns };
    },
  },
  MatMul: { inputs: shapes(0, 1), count: ([a, b]) => ({ rectangles: 2 * elements(a) * b.at(-1)! }) },
  /** Input 5 has the place of each text's last key. A query sees its own and those before it; in a window, the last of them. */
  GroupQueryAttention: {
    inputs: [...shapes(0), { at: 5, as: "Identity" }],
    count([[, rows, width], last], node) {
      const window = attributeOf(node, "local_window_size") ?? Infinity;
      let seen = 0;
      for (const key of last) for (let row = 0; row < rows; row++) seen += Math.min(key + 1 - row, window);
      return { seen: 4 * width * seen };
    },
  },
  /** The state [E, V] of each head recalls the key, gains the difference, and recalls the query. */
  LinearAttention: {
    inputs: shapes(1, 2),
    count([key, value], node) {
      const keySize = key[2] / attributeOf(node, "q_num_heads")!;
      return { states: 6 * keySize * elements(value) };
    },
  },
};

/** Weights of which a module has one, in one of its graphs: its attention's last product, its MLP's or its router's. */
const ONE_OF_A_MODULE = /^attention\.(?:o|out)_proj\.weight$|^mlp\.(?:down_proj|router)\.weight$/;

/** A node of a graph, and the outputs that tell what it is counted by. */
type Watched = { readonly node: NodeProto; readonly outputs: readonly string[] };

/** The graph with outputs for all that it is counted by. */
function withOutputs(graph: Graph): { watched: Watched[]; telling: Graph } {
  const { node } = protoOf(graph);
  const types = new Map(graph.types);
  const [nodes, infos]: [NodeProto[], ValueInfoProto[]] = [[], []];
  const watched = node.filter(({ opType }) => opType! in operators).map((one, i): Watched => ({
    node: one,
    outputs: operators[one.opType!].inputs.map(({ at, as }) => {
      const name = `counted.${i}.${at}`;
      nodes.push(create(NodeProtoSchema, { name, opType: as, input: [one.input[at]], output: [name] }));
      infos.push(outputInfo(name, as === "Shape" ? DataType.INT64 : DataType.INT32));
      types.set(name, as === "Shape" ? "i64" : "i32");
      return name;
    }),
  }));
  const outputs = [...graph.outputs, ...watched.flatMap(({ outputs }) => outputs)];
  const toBytes: Graph["toBytes"] = (stored) => {
    const model: ModelProto = fromBinary(ModelProtoSchema, graph.toBytes(stored));
    model.graph!.node.push(...nodes);
    model.graph!.output.push(...infos);
    return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
  };
  return { watched, telling: { ...graph, outputs, types, toBytes } };
}

function outputInfo(name: string, elemType: DataType) {
  const value = { case: "tensorType", value: create(TypeProto_TensorSchema, { elemType }) } as const;
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { value }) });
}

/** The CPU's engine, and what it has counted so far. */
export function countingEngine(): { engine: Engine; counted: Counted } {
  const counted: Counted = { products: 0, seen: 0, rectangles: 0, states: 0, modules: 0 };
  async function count({ node, outputs }: Watched, made: Record<string, Held>): Promise<void> {
    const told = await Promise.all(outputs.map(async (name) => {
      const numbers = Array.from((await engine.read(made[name])).data as ArrayLike<number | bigint>, Number);
      made[name].free();
      delete made[name];
      return numbers;
    }));
    const found = operators[node.opType!].count(told, node);
    for (const [what, value] of Object.entries(found)) counted[what as keyof Counted] += value;
  }
  const counting: Engine = {
    ...engine,
    get live() {
      return engine.live;
    },
    async compile(graph, constants) {
      const { watched, telling } = withOutputs(graph);
      const program = await engine.compile(telling, constants);
      const modules = graph.inputs.filter((name) => ONE_OF_A_MODULE.test(name)).length;
      return {
        release: () => program.release(),
        async run(feeds, options) {
          const made = await program.run(feeds, options);
          counted.modules += modules;
          for (const one of watched) await count(one, made);
          return made;
        },
      };
    },
  };
  return { engine: counting, counted };
}
