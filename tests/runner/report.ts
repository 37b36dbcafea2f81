/** Outcomes of a process of tests: what its JUnit report says, and what a report that is missing or cut short means. */
import { SaxesParser } from "saxes";

/** A file's tests: their number by outcome, and seconds. */
export interface FileReport {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
  readonly seconds: number;
}

const OUTCOMES = { failure: "failed", error: "failed", skipped: "ignored" } as const;

/**
 * Reads a JUnit report of `deno test`: one suite for each file. Steps of a test are cases beside it, "test > step", and are
 * counted within it. A report that breaks off gives the suites before the break.
 */
export function readReport(xml: string): FileReport[] {
  const files: { -readonly [Key in keyof FileReport]: FileReport[Key] }[] = [];
  let outcome: "passed" | "failed" | "ignored" = "passed";
  let isStep = false;
  const parser = new SaxesParser();
  parser.on("error", () => {}); // a process that crashed wrote half of it
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "testsuite") {
      const file = attributes.name.replace(/^\.\//, "");
      files.push({ name: file, passed: 0, failed: 0, ignored: 0, seconds: 0 });
    } else if (name === "testcase") {
      isStep = attributes.name.includes(" > ");
      outcome = "passed";
      if (!isStep) files.at(-1)!.seconds += Number(attributes.time ?? 0);
    } else if (name in OUTCOMES) outcome = OUTCOMES[name as keyof typeof OUTCOMES];
  });
  parser.on("closetag", ({ name }) => {
    if (name === "testcase" && !isStep) files.at(-1)![outcome]++;
  });
  parser.write(xml).close();
  return files;
}

/**
 * The files that a process failed to run, from its output: those that never began (they do not parse, or throw before their
 * tests), and the one in which the process died, if it wrote no report. A report alone does not say: tests that a shared module
 * registers are reported as that module's.
 */
export function filesNotRun(files: readonly string[], output: string, isReported: boolean): string[] {
  const begun = [...output.matchAll(/^running \d+ tests? from (?:\.\/)?(.*)$/gm)].map(([, name]) => name);
  const died = isReported ? [] : begun.slice(-1);
  return files.filter((name) => !begun.includes(name) || died.includes(name));
}

/** The report of a file that did not run: one failed test. */
export const notRun = (name: string): FileReport => ({ name, passed: 0, failed: 1, ignored: 0, seconds: 0 });
