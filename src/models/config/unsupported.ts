/** Why a model type cannot be run, where the reason is not just that nobody has written its page yet. */

/** Model types whose layers mix several residual streams: what "the update of x" is, is not defined there. */
const STREAMS = new Map([
  ...["gemma3n", "gemma3n_text"].map((type) => [type, "AltUp"] as const),
  ...[
    "deepseek_v4",
    "glm5_next",
    "glm5_next_text",
    "hy_v4",
    "hy_v4_vl",
    "hy_v4_vl_text",
    "qwen4_exp",
    "qwen4_exp_text",
  ].map((type) => [type, "hyper-connections"] as const),
]);

export function unsupported(
  file: string,
  type: string,
  isEncoderDecoder: boolean,
  known: readonly string[],
): TypeError {
  const streams = STREAMS.get(type);
  const shown = JSON.stringify(type.slice(0, 80));
  if (streams !== undefined) {
    return new TypeError(
      `Cannot run ${file}: model_type "${type}" has several residual streams (${streams}), expected one stream, to ` +
        "which attention and MLP add",
    );
  }
  if (isEncoderDecoder) {
    return new TypeError(
      `Cannot run ${file}: model_type is ${shown} and it is an encoder-decoder, expected a decoder: ${
        known.join(", ")
      }`,
    );
  }
  return new TypeError(`Cannot run ${file}: model_type is ${shown}, expected one of ${known.join(", ")}`);
}
