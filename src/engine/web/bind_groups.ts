/**
 * Bind groups, which WebGPU cannot destroy: what they hold is given back once the garbage collector has found them.
 *
 * It does not know what they weigh, so it is in no hurry. Every kernel of every run makes one, and Mesa's lavapipe maps a page for
 * each: a study, or a test suite, comes to the 65,530 that Linux lets a process map, and dies without a word. So it is called.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bind groups from one collection to the next. A collection takes some 50 ms; running so many kernels takes at least ten times that. */
export const BIND_GROUPS = 16_384;

/** Has the bind groups of a device collected from time to time. */
export function collectBindGroups(device: GPUDevice, collect: () => void = collector()): void {
  const { createBindGroup } = device;
  let made = 0;
  device.createBindGroup = (descriptor) => {
    if (++made % BIND_GROUPS === 0) collect();
    return createBindGroup.call(device, descriptor);
  };
}

/** The garbage collector, which contexts made under this flag have. */
export function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
