/**
 * Results that somebody altered by hand, given to every public function that takes one: only errors of ours may come, whether what was
 * altered does not fit the form of its kind or fits it and cannot be used.
 */
import assert from "node:assert/strict";
import * as figures from "../../../src/figures.ts";
import * as lamina from "../../../src/mod.ts";
import { isThorough } from "../../tools.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
// deno-lint-ignore no-explicit-any -- what each function makes of any result is what is tested
type Call = (result: any) => unknown;

const GOLDEN: Readonly<Record<string, Json>> = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/results.json", import.meta.url)),
);
/** Of each kind; what 400 found is mended. */
const ALTERATIONS = isThorough ? 400 : 20;

const { accuracyChange, allowance, claimsOf, interaction, medianGaps, paired, qualityBySteps, trendsOf } =
  figures;
const { compare, makePlan, merge, rank, show, toCSV } = lamina;
const drawn = Object.entries(figures).filter(([name]) => name.endsWith("Figure")) as [string, Call][];
const ofOne = { ...Object.fromEntries(drawn), medianGaps, qualityBySteps, show, toCSV } as Record<
  string,
  Call
>;
const ofList = { ...Object.fromEntries(drawn), merge, show, toCSV } as Record<string, Call>;
const { accuracyClaims, causeClaims, generalityClaim, trainingClaim } = figures;

/** Every function of results, with what else it takes. */
const calls: Readonly<Record<string, Call>> = {
  ...ofOne,
  ...Object.fromEntries(
    Object.entries(ofList).map(([name, call]): [string, Call] => [
      `${name} of a list`,
      (result) => call([result]),
    ]),
  ),
  accuracyChange: (run) => accuracyChange(run, run),
  accuracyClaims: (run) => accuracyClaims([run]),
  allowance: (sweep) => allowance(sweep, sweep.curves[0], { budget: 0.2 }),
  causeClaims: (causes) => causeClaims([causes]),
  claimsOf: (profile) => claimsOf(profile),
  compare: (profile) => compare(profile, profile),
  generalityClaim: (sweep) => generalityClaim([sweep], 1),
  interaction: (run) => interaction(run, run, run, run),
  makePlan: (profile) => makePlan(profile, { target: "mlp", drop: 1 }),
  "makePlan of an order": (order) => makePlan(order, { drop: 1 } as never),
  paired: (run) => paired(run, run),
  rank: (profile) => rank(profile, { target: "attention" }),
  trainingClaim: (result) => trainingClaim([result]),
  trendsOf: (result) => trendsOf(result, "mlp"),
};

/** An error that a person can use, and not one of the language. */
const OURS = /^Cannot (?!read properties|destructure|access|convert|set properties|mix)/;

async function errorOf(call: Call, result: Json): Promise<Error | null> {
  const { log } = console;
  console.log = () => {};
  try {
    await call(result);
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    console.log = log;
  }
}

/** All places in a value, by path. */
function* placesIn(value: Json, path: string[] = []): Generator<string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    yield [...path, name];
    yield* placesIn(inner, [...path, name]);
  }
}

/** The value with another one, or with nothing, at a place. */
function altered(value: Json, path: readonly string[], to: Json | undefined): Json {
  const copy = structuredClone(value);
  // deno-lint-ignore no-explicit-any -- an object or a list
  const holder: any = path.slice(0, -1).reduce((inner, name) => (inner as never)[name], copy);
  const name = path.at(-1)!;
  if (to !== undefined) holder[name] = to;
  else if (Array.isArray(holder)) holder.splice(Number(name), 1);
  else delete holder[name];
  return copy;
}

const OTHERS = [undefined, null, NaN, Infinity, -1, 0.5, 1e9, "x", "", true, [], {}, [null], { kind: "x" }];

for (const [name, golden] of Object.entries(GOLDEN)) {
  Deno.test(`${name}: a result that was altered has errors of ours alone`, async () => {
    const draw = draws(name.length);
    const taking: [string, Call][] = [];
    for (const [what, call] of Object.entries(calls)) {
      if (await errorOf(call, golden) === null) taking.push([what, call]);
    }
    assert.ok(taking.length > 0);
    const places = [...placesIn(golden)];
    const odd = new Set<string>();
    for (let i = 0; i < ALTERATIONS; i++) {
      const [path, to] = [places[draw(places.length)], OTHERS[draw(OTHERS.length)]];
      const wrong = altered(golden, path, to);
      for (const [what, call] of taking) {
        const error = await errorOf(call, wrong);
        if (error === null || OURS.test(error.message)) continue;
        odd.add(`${what}: ${path.join(".")} as ${JSON.stringify(to) ?? to}: ${error.message}`);
      }
    }
    assert.deepEqual([...odd], []);
  });
}

/** Whole numbers from 0 on, below another. */
function draws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}
