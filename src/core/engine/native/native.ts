/** The engine over ONNX Runtime's C API, on any device it has a provider for. */
import { type Tensor, viewOf } from "../../tensor/mod.ts";
import { checkLength, type Engine, type Held, programStore } from "../engine.ts";
import type { Environment } from "./environment.ts";
import { openShelf, type Provider } from "./held.ts";
import type { Library } from "./library.ts";
import { createSession } from "./session.ts";

export function nativeEngine(
  { library, environment }: { readonly library: Library; readonly environment: Environment },
  provider: Provider,
): Engine {
  const shelf = openShelf(library, provider);
  const host = { library, provider, environment: environment.address, shelf };
  const { name, version, device, precision, has, stream } = provider;
  const programs = programStore(
    (graph, constants) => Promise.resolve(createSession(host, graph, constants)),
    has,
  );
  return {
    name,
    version,
    device,
    precision,
    has,
    access: stream && {
      kind: "cuda",
      stream,
      address: (held) => Deno.UnsafePointer.value(shelf.own("a tensor", held).block.address),
      allocate: shelf.allocate,
    },
    residents: null,
    upload(tensor) {
      checkLength(tensor);
      return shelf.hold(tensor.dtype, tensor.shape, provider.place(tensor));
    },
    async read(held: Held): Promise<Tensor> {
      const { dtype, shape, block, bytes } = shelf.own("a tensor", held);
      return { dtype, shape, data: viewOf(dtype, await provider.download(block, bytes)) };
    },
    compile: programs.compile,
    get live() {
      return shelf.live;
    },
    async close() {
      await programs.close();
      provider.close();
    },
  };
}
