/**
 * Two things that often lie in the place of a file: the pointer that a clone without Git LFS leaves, and the web page that an
 * address returned instead. Both are easy to recognise and impossible to guess from a parser's error.
 */
import { formatBytes } from "../entry/mod.ts";
import type { ByteSource } from "./file.ts";

/** Bytes to look at: a pointer has about 130 in all, and a page begins with its kind. */
const HEAD = 512;

const formats: Readonly<Record<string, string>> = { json: "JSON", safetensors: "safetensors", gguf: "GGUF" };

/**
 * Hands a source back, unless its name says JSON, safetensors or GGUF and it begins as a pointer or a page does: throws
 * `SyntaxError` then, with what to do. The source is closed in that case.
 */
export async function checkContent(source: ByteSource): Promise<ByteSource> {
  const format = formats[source.name.slice(source.name.lastIndexOf(".") + 1)];
  if (format === undefined) return source;
  try {
    const head = String.fromCharCode(...await source.read(0, Math.min(source.size, HEAD)));
    const found = pointer(head) ?? page(head);
    if (!found) return source;
    throw new SyntaxError(`Cannot read ${source.name}: ${found.what}, expected ${format}; ${found.remedy}`);
  } catch (error) {
    source.close();
    throw error;
  }
}

interface Found {
  readonly what: string;
  readonly remedy: string;
}

/** Source: git-lfs, docs/spec.md. */
function pointer(head: string): Found | null {
  if (!/^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\//.test(head)) return null;
  const size = /^size (\d{1,15})$/m.exec(head)?.[1];
  const file = size === undefined ? "the file" : `the file of ${formatBytes(Number(size))}`;
  return {
    what: `a Git LFS pointer instead of ${file}`,
    remedy: "run git lfs pull in its folder to fetch it",
  };
}

function page(head: string): Found | null {
  if (!/^(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml)\b/i.test(head)) return null;
  return {
    what: "a web page",
    remedy:
      "download the file again: the address required a log-in, reported an error, or belongs to a page " +
      "(on Hugging Face, pages have /blob/ and files /resolve/)",
  };
}
