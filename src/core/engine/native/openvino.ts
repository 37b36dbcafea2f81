/**
 * OpenVINO's plug-in (`lamina openvino`) on an x86 CPU of any maker: float32, or bfloat16 where the CPU multiplies it (AMX, AVX512_BF16).
 * Elsewhere OpenVINO silently computes in float32, so bfloat16 is refused. The plug-in offers a device only on CPUs whose vendor is Intel's, though
 * it computes on all (ONNX Runtime's pull request 31981 removes the check), so it sees Intel's number while it looks.
 */
import { refusal } from "../../entry/mod.ts";
import { openvinoLibrary } from "../../libraries/mod.ts";
import { threadsAllowed } from "../../tensor/mod.ts";
import type { Engine, Precision } from "../engine.ts";
import { type PluginDevice, pluginEngine } from "./plugin.ts";

/** Intel's PCI number. */
const INTEL = 0x8086;

/** Opens the engine. Throws `Error` if the plug-in is not installed, or the CPU is not one for it. */
export function openvinoEngine({ precision = "float32" as Precision } = {}): Engine {
  const file = openvinoLibrary();
  if (file === null) {
    const why = "found no plug-in, expected the one that lamina openvino installs";
    throw refusal(Error, "use the engine openvino", why);
  }
  return pluginEngine({ file, called: "the engine openvino", vendor: INTEL }, {
    name: "openvino",
    precision,
    options: (device, hasBfloat16) => openvinoOptions(device, hasBfloat16, threadsAllowed()),
  });
}

/**
 * Its options; `threads` is 0 for one on each core. OpenVINO computes a graph as a whole in bfloat16, but for what comes after its last
 * products. Throws `RangeError` for bfloat16 on a CPU that has none.
 */
export function openvinoOptions(
  { words, property }: Pick<PluginDevice, "words" | "property">,
  hasBfloat16: boolean,
  threads: number,
): Record<string, string> {
  const capabilities = property("OPTIMIZATION_CAPABILITIES") ?? "";
  if (hasBfloat16 && !capabilities.split(" ").includes("BF16")) {
    const why = `${words} computes ${capabilities}, expected BF16 (a CPU with AMX or AVX512_BF16)`;
    throw refusal(RangeError, "use the engine openvino", why);
  }
  const config = {
    INFERENCE_PRECISION_HINT: hasBfloat16 ? "bf16" : "f32",
    EXECUTION_MODE_HINT: hasBfloat16 ? "PERFORMANCE" : "ACCURACY",
    ...threads > 0 && { INFERENCE_NUM_THREADS: threads },
  };
  return { load_config: JSON.stringify({ CPU: config }) };
}
