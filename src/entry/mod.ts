/** How a public function is entered: checks of its options, its reports; and small helpers for every room. */
export {
  aSignal,
  type Check,
  type Checks,
  eachIn,
  expect,
  flag,
  func,
  isPromise,
  like,
  list,
  nouns,
  number,
  oneOf,
  optionsOf,
  orElse,
  record,
  related,
  requireAll,
  required,
  resultOf,
  string,
  text,
  unknownText,
  wholeNumber,
} from "./checks.ts";
export { aSize, parseBytes, SIZE } from "./bytes.ts";
export {
  aFrequency,
  amountOf,
  amountText,
  aPart,
  aProbability,
  aRise,
  aShare,
  readShare,
  type ShareKind,
  shareOf,
} from "./shares.ts";
export { type Condition, needText, type Relation, unrelated } from "./relations.ts";
export { displayable, displayWith } from "./display.ts";
export { cell, code, jsonText, oneLine, plain, shellWord } from "./plain.ts";
export { nearNames } from "./near.ts";
export { filesInTurn, formatBytes, lateMeter, meter, phases, within } from "./progress.ts";
export { failing, failure, messageOf, reasonOf } from "./system.ts";
export { decodeText, isRecord, joinBytes, once, oneByOne, parseJson, shown, sum } from "./values.ts";
export {
  enter,
  type Progress,
  reportChecks,
  type Reports,
  reportsOf,
  unlessAborted,
  type Watch,
  watchWith,
} from "./reports.ts";
