/** How a public function is entered: what it was given is checked, and what it was not told comes from around it. */
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
  number,
  oneOf,
  optionsOf,
  orElse,
  record,
  required,
  resultOf,
  string,
  text,
  wholeNumber,
} from "./checks.ts";
export { displayable, displayWith } from "./display.ts";
export { cell, code } from "./markdown.ts";
export { nearNames } from "./near.ts";
export { phases, within } from "./phases.ts";
export { formatBytes, lateMeter, meter } from "./progress.ts";
export { jsonText, oneLine, plain, shellWord } from "./plain.ts";
export { failure, reasonOf } from "./system.ts";
export {
  enter,
  type Progress,
  reportChecks,
  type Reports,
  reportsOf,
  type Watch,
  watchWith,
} from "./reports.ts";
