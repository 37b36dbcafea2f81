/** The stand-in device of this process (stubs.ts): what was done on it, and what it shall do. */
import { cudaLibraries } from "core/libraries/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";

const { symbols } = Deno.dlopen(cudaLibraries("libcudart.so.13")[0], {
  stub_trace: { parameters: [], result: "pointer" },
  stub_lines: { parameters: [], result: "i32" },
  stub_live: { parameters: [], result: "usize" },
  stub_devices: { parameters: ["i32"], result: "void" },
  stub_memory: { parameters: ["usize"], result: "void" },
  stub_fail_launch: { parameters: ["i64", "i32"], result: "void" },
});

export function trace(): string[] {
  return Deno.UnsafePointerView.getCString(symbols.stub_trace()!).split("\n").slice(0, -1);
}

export const traced = (): number => symbols.stub_lines();

export const liveBytes = (): number => Number(symbols.stub_live());

/** How many devices there are, all as new. */
export const setDevices = (count: number): void => symbols.stub_devices(count);

export const setMemory = (bytes: number): void => symbols.stub_memory(BigInt(bytes));

/** Lets the launch after `after` others fail; it says so itself, or with `late` the next call does that waits for it. */
export const failLaunch = (after: number, late = false): void =>
  symbols.stub_fail_launch(BigInt(after), late ? 1 : 0);

/**
 * A tensor as it might be read where something is computed: the device's memory has what others left there. What decides what runs next is
 * some choice (every token's is the first expert), and numbers are finite, so that every graph runs.
 */
export function plausible(tensor: Tensor): Tensor {
  const { dtype, data } = tensor;
  if (dtype === "i64") return { ...tensor, data: new BigInt64Array(data.length) };
  return dtype === "f32"
    ? { ...tensor, data: (data as Float32Array).map((value) => Number.isFinite(value) ? value : 1) }
    : tensor;
}
