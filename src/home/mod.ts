/** Where this copy of Lamina lies, and where it keeps what it downloads, computes and installs. */
export { type Kept, keptIn, type Machine, usuallyIn } from "./folders.ts";
export { displayed, folderOf, installed, root, runArguments, usualFolderOf } from "./home.ts";
