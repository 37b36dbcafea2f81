import type { Engine, Held } from "../engine/mod.ts";
import { startOnCuda } from "./cuda.ts";
import { checkInputs, type Kernel, packParams, type Params } from "./kernel.ts";
import { startOnWebgpu } from "./webgpu.ts";

/**
 * Launches a kernel over held inputs, by binding name; returns its `out` buffers, which the caller frees. They may still be
 * computed: later work of the engine comes after it. Throws `TypeError` or `RangeError` for an input, a
 * parameter or a size that does not fit, `Error` if the kernel cannot be compiled or started. `shapes` replaces
 * the kernel's shapes of outputs.
 */
export async function launch(
  { name, access }: Pick<Engine, "name" | "access">,
  kernel: Kernel,
  inputs: Readonly<Record<string, Held>>,
  params: Params,
  shapes: Readonly<Record<string, readonly number[]>> = {},
): Promise<Record<string, Held>> {
  if (!access) throw new TypeError(`Cannot run ${kernel.name}: the engine ${name} does not run kernels`);
  const packed = packParams(kernel, params);
  checkInputs(kernel, inputs, params);
  const made: Record<string, Held> = {};
  const free = (role: "out" | "scratch") =>
    kernel.bindings.forEach((binding) => binding.role === role && made[binding.name]?.free());
  try {
    for (const { name, role, shape } of kernel.bindings) {
      if (role !== "in") made[name] = access.allocate("f32", shapes[name] ?? shape(params));
    }
    const buffers = kernel.bindings.map(({ name }) => made[name] ?? inputs[name]);
    if (access.kind === "cuda") await startOnCuda(access, kernel, buffers, packed, params);
    else await startOnWebgpu(access, kernel, buffers, packed, params);
    const outputs = kernel.bindings.filter(({ role }) => role === "out");
    return Object.fromEntries(outputs.map(({ name }) => [name, made[name]]));
  } catch (error) {
    free("out");
    throw error;
  } finally {
    free("scratch"); // used again only by what comes after
  }
}
