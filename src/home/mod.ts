/** Where this copy of Lamina lies, and where it keeps what it downloads, computes and installs. */
export {
  called,
  DENO,
  displayed,
  expectedFolder,
  folderOf,
  installed,
  type Kept,
  keptIn,
  type Machine,
  root,
  runArguments,
  usualFolderOf,
  usuallyIn,
} from "./home.ts";
