/**
 * What a device can do at best: a copy for its bandwidth, chains of multiply-adds for its float32 arithmetic. Every other
 * kernel's speed is reported as a fraction of these, measured in the same run.
 */
import type { Kernel } from "./device.ts";

const BLOCK = 256;

/** `kernels/copy`: moves 8 · count bytes; count a multiple of 4. */
export const copyKernel: Kernel = {
  name: "copy",
  bindings: [
    { name: "source", role: "in", type: "f32", length: (p) => p.count },
    { name: "copied", role: "out", type: "f32", length: (p) => p.count },
  ],
  params: { count: "u32" },
  stages: [{ entry: "copy", block: BLOCK, grid: (p) => [Math.ceil(p.count / 4 / BLOCK), 1] }],
};

/** `kernels/multiply_add`: 16 · steps · count operations; count a multiple of 256. */
export const multiplyAddKernel: Kernel = {
  name: "multiply_add",
  bindings: [
    { name: "start", role: "in", type: "f32", length: (p) => p.count },
    { name: "result", role: "out", type: "f32", length: (p) => p.count },
  ],
  params: { count: "u32", steps: "u32", factor: "f32" },
  stages: [{ entry: "multiply_add", block: BLOCK, grid: (p) => [p.count / BLOCK, 1] }],
};
