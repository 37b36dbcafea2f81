/**
 * Which files of a repository make a model, by their names: configuration, tokenizer, and one set of weights.
 * Safetensors come before GGUF; a sharded set is what its index belongs to; nothing else is fetched.
 */

/** The files of a repository that a model needs: the small ones first, weights last. */
export function modelFileNames(names: readonly string[], repo: string): string[] {
  const weights = weightNames(names);
  if (weights.length === 0) {
    throw new Error(`Cannot open ${repo}: it has no weights, expected *.safetensors or a *.gguf file`);
  }
  if (weights[0].endsWith(".gguf")) {
    if (weights.length === 1) return weights;
    throw new Error(
      `Cannot open ${repo}: it has ${weights.length} GGUF files (${weights.slice(0, 8).join(", ")}${
        weights.length > 8 ? ", …" : ""
      }), expected one; download the one that is meant and give its path`,
    );
  }
  if (!names.includes("config.json")) {
    throw new Error(`Cannot open ${repo}: it has no config.json, expected a model in Hugging Face layout`);
  }
  return [...names.filter(isSmallFile), ...weights];
}

/** Whether this is one of the files beside the weights: configuration or tokenizer. */
export function isSmallFile(name: string): boolean {
  return /^(config\.json|generation_config\.json|model\.safetensors\.index\.json|chat_template\.jinja)$/.test(
    name,
  ) ||
    /^(tokenizer[\w.]*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt)$/.test(
      name,
    );
}

function weightNames(names: readonly string[]): string[] {
  const tensors = names.filter((name) => name.endsWith(".safetensors"));
  if (names.includes("model.safetensors.index.json")) {
    const shards = tensors.filter((name) => /^model-\d+-of-\d+\.safetensors$/.test(name));
    return shards.length > 0 ? shards : tensors;
  }
  if (tensors.includes("model.safetensors")) return ["model.safetensors"];
  return tensors.length > 0 ? tensors : names.filter((name) => name.endsWith(".gguf"));
}

/**
 * Throws unless a file name that came from a server stays below the folder it is put into, on every system.
 */
export function checkFileName(name: unknown, repo: string): asserts name is string {
  const safe = typeof name === "string" && name.length < 1024 && /^[^\\:\0]+$/.test(name) &&
    name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (safe) return;
  throw new Error(
    `Cannot use ${repo}: the file name ${JSON.stringify(name)} leaves its folder, expected a name below it`,
  );
}
