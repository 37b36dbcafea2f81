/** Files and folders written whole or not at all. */
export { expectNothing, writeFolder } from "./folder.ts";
export {
  checkFile,
  checkFolder,
  checkTarget,
  type Content,
  isFile,
  writeTogether,
  writeWhole,
} from "./whole.ts";
