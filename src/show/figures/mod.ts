/** Every figure, in a file each. */
export { depthFigure } from "./profile/depth.ts";
export { cosineMagnitudeFigure } from "./profile/cosine_magnitude.ts";
export { dropOrderFigure } from "./profile/drop_order.ts";
export { importanceFigure } from "./profile/importance.ts";
export { magnitudeFigure } from "./profile/magnitude.ts";
export { directionsFigure } from "./profile/directions.ts";
export { signFigure } from "./profile/sign.ts";
export { stabilityFigure } from "./profile/stability.ts";
export { textsFigure } from "./profile/texts.ts";

export { accuracyFigure } from "./dropping/accuracy.ts";
export { certificateFigure } from "./dropping/certificate.ts";
export { fitFigure } from "./dropping/fit.ts";
export { guidesFigure } from "./dropping/guides.ts";
export { qualityFigure } from "./dropping/quality.ts";
export { rooflineFigure } from "./dropping/roofline.ts";
export { speedFigure } from "./dropping/speed.ts";

export { attentionMapFigure } from "./causes/attention_map.ts";
export { type AttentionPattern, attentionPatternFigure } from "./causes/attention_pattern.ts";
export { causesFigure } from "./causes/causes.ts";
export { effectsFigure } from "./causes/effects.ts";
export { smoothingFigure } from "./causes/smoothing.ts";
export { updateNormsFigure } from "./causes/update_norms.ts";

export { checkpointLinesFigure } from "./training/checkpoint_lines.ts";
export { checkpointMapFigure } from "./training/checkpoint_map.ts";
export { checkpointQualityFigure } from "./training/checkpoint_quality.ts";

export { type InitCause, initCausesFigure } from "./untrained/init_causes.ts";
export { initFitFigure } from "./untrained/init_fit.ts";
export { initMapFigure, type RatioMap } from "./untrained/init_map.ts";
