/** The notebooks in JupyterLab, in a browser: opened, run, stopped, saved and opened again. */
import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { inBrowser, SKIPPED } from "../../browser.ts";
import {
  choose,
  close,
  enter,
  listed,
  openNotebook,
  press,
  prompts,
  save,
  seen,
  stored,
  until,
  withLab,
} from "./jupyterlab.ts";
import { committed, flawsOf, INDEX, kernelTest, nameOf, QUICK, readCode, writeNotebook } from "./notebook.ts";

const small = { LAMINA_SAMPLES: "2", LAMINA_LENGTH: "48", LAMINA_MODEL: "smollm2-135m" };

const OPENS =
  "JupyterLab: every notebook opens with its outputs, one runs and loses none, an error and the stop button end Run All";
kernelTest(OPENS, async (folder) => {
  const copies = `${folder}/notebooks`;
  await Deno.mkdir(copies);
  for (const path of committed) await Deno.copyFile(path, `${copies}/${nameOf(path)}.ipynb`);
  await writeNotebook(`${copies}/stop.ipynb`, stopCells);
  await writeNotebook(`${copies}/fail.ipynb`, failCells);
  await withLab(folder, { ...small, LAMINA_RESULTS: `${folder}/results` }, async (address) => {
    await inBrowser(address, async (page) => {
      await checkFiles(page);
      for (const name of ["data", "venv", nameOf(folder), "notebooks"]) await enter(page, name);
      for (const path of committed) await checkOpens(page, path);
      await checkRuns(page, copies, QUICK);
      await checkFails(page);
      await checkStops(page);
      assert.equal(await page.locator(".jp-Dialog").count(), 0, "dialogs");
    });
  });
}, SKIPPED);

/** The lab begins at the index, among the notebooks; the project is one step up. */
async function checkFiles(page: Page): Promise<void> {
  await page.locator(".jp-NotebookPanel").getByRole("link", { name: "What does dropping cost?" }).waitFor();
  const names = [INDEX, ...committed].map((path) => `${nameOf(path)}.ipynb`);
  assert.deepEqual((await listed(page)).filter((name) => name.endsWith(".ipynb")), names);
  await page.locator(".jp-BreadCrumbs-home").click();
  for (const name of ["README.md", "data"]) {
    await page.locator(".jp-DirListing-itemText").getByText(name, { exact: true }).waitFor();
  }
}

/** A notebook comes with its kernel and with every stored output, pictures too, and asks nothing. */
async function checkOpens(page: Page, path: string): Promise<void> {
  const name = nameOf(path);
  const notebook = await openNotebook(page, `${name}.ipynb`);
  await shows(notebook, await readCode(path), name);
  assert.equal(await page.locator(".jp-Dialog").count(), 0, name);
  await close(page);
}

/** Each cell shows its stored outputs; a picture takes its time. */
async function shows(notebook: Locator, cells: Parameters<typeof stored>[0], name: string): Promise<void> {
  const wanted = stored(cells);
  await until(async () => String(await seen(notebook)) === String(wanted));
  assert.deepEqual(await seen(notebook), wanted, name);
}

/** The first cells stand at these numbers; a cell has its outputs before it has its number. */
async function counts(notebook: Locator, numbers: readonly string[]): Promise<void> {
  const first = async () => (await prompts(notebook)).slice(0, numbers.length);
  await until(async () => String(await first()) === String(numbers));
  assert.deepEqual(await first(), numbers);
}

/** All cells run anew; what they show is there, is saved, and is there after a reload. */
async function checkRuns(page: Page, folder: string, name: string): Promise<void> {
  const file = `${folder}/${name}.ipynb`;
  const notebook = await openNotebook(page, `${name}.ipynb`);
  await choose(page, "Run", "Run All Cells");
  const numbers = (await readCode(file)).map((_, i) => `[${i + 1}]:`);
  await until(async () => (await prompts(notebook)).includes("[*]:"));
  await counts(notebook, numbers);
  await save(page);
  const saved = await readCode(file);
  const flaws = saved.map((cell) => flawsOf(cell).map((flaw) => `${name} [${cell.executionCount}]: ${flaw}`));
  assert.deepEqual(flaws.flat(), []);
  assert.match(JSON.stringify(saved), /2\s×\s48 tokens/, "outputs of this run");
  await shows(notebook, saved, name);
  await page.reload();
  await checkOpens(page, file);
}

const stopCells = [
  'import { openModel, profile, show } from "lamina";\nconst model = await openModel("smollm2-135m");',
  "await profile(model, { samples: 64, length: 2048 });",
  "await show(`kept ${model.identity.layers}`);",
];
const failCells = ['import { show } from "lamina";', 'throw new Error("wrong");', 'await show("ran");'];

/** The stop button ends a study that runs and drops the cells behind it; what the kernel holds stays. */
async function checkStops(page: Page): Promise<void> {
  const notebook = await openNotebook(page, "stop.ipynb");
  await choose(page, "Run", "Run All Cells");
  await says(notebook, 1, /\d %/);
  await press(notebook, "notebook:interrupt-kernel");
  await says(notebook, 1, /AbortError: Stopped/);
  await checkDropped(page, notebook, "Not run: the stop button was pressed.", "kept 30");
}

/** A cell that fails drops the cells behind it. */
async function checkFails(page: Page): Promise<void> {
  const notebook = await openNotebook(page, "fail.ipynb");
  await choose(page, "Run", "Run All Cells");
  await says(notebook, 1, /Error: wrong/);
  await checkDropped(page, notebook, "Not run: a cell before it failed.", "ran");
}

/** The third cell was dropped, and runs where it is run by itself. */
async function checkDropped(page: Page, notebook: Locator, why: string, shown: string): Promise<void> {
  await says(notebook, 2, why);
  await counts(notebook, ["[1]:", "[2]:", "[ ]:"]);
  await notebook.locator(".jp-CodeCell").nth(2).click();
  await page.keyboard.press("Shift+Enter");
  await says(notebook, 2, shown);
  await counts(notebook, ["[1]:", "[2]:", "[3]:"]);
  assert.deepEqual(await notebook.locator(".jp-OutputArea-output").getByText("Not run").count(), 0);
}

/** Waits until a code cell has an output with a text. */
async function says(notebook: Locator, cell: number, text: string | RegExp): Promise<void> {
  const outputs = notebook.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output");
  await outputs.getByText(text).waitFor();
}
