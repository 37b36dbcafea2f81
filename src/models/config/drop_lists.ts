/**
 * LLM-Drop's lists of dropped modules, as its `config.json` carries them: `drop_attn_list` and `drop_mlp_list`.
 *
 * Each is null, [], a list of layer indices in any order (0-based, of the original layers), or one boolean a layer.
 */

/** Reads one list as the set of dropped layers. Throws naming the file, the list and the entry. */
export function readDropList(list: unknown, layers: number, name: string, file: string): Set<number> {
  if (list === null || list === undefined) return new Set();
  const wrong = (what: string) => new RangeError(`Cannot read ${file}: ${name} ${what}`);
  if (!Array.isArray(list)) throw wrong(`is ${JSON.stringify(list)}, expected null or a list`);
  if (list.length > 0 && list.every((entry) => typeof entry === "boolean")) {
    if (list.length !== layers) throw wrong(`has ${list.length} booleans, expected ${layers}`);
    return new Set(list.flatMap((dropped, l) => dropped ? [l] : []));
  }
  const dropped = new Set<number>();
  list.forEach((entry, i) => {
    if (typeof entry !== "number" || !Number.isInteger(entry)) {
      throw wrong(`has ${JSON.stringify(entry)} at entry ${i}, expected a layer index`);
    }
    if (entry < 0 || entry >= layers) throw wrong(`has ${entry} at entry ${i}, expected 0 to ${layers - 1}`);
    if (dropped.has(entry)) throw wrong(`has ${entry} again at entry ${i}, expected each layer once`);
    dropped.add(entry);
  });
  return dropped;
}
