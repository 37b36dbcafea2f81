/** JupyterLab as its user meets it: started by `lamina lab`, opened in a browser, notebooks behind its buttons. */
import type { Locator, Page } from "playwright-core";
import { PATIENCE } from "../../browser.ts";
import { type Output, root } from "./notebook.ts";

/** Starts JupyterLab, gives the address that it prints to `use`, and ends it. What it remembers stays in `folder`. */
export async function withLab(
  folder: string,
  env: Readonly<Record<string, string>>,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const lab = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}src/cli.ts`, "lab", "--no-browser"],
    env: { ...env, JUPYTERLAB_WORKSPACES_DIR: `${folder}/lab`, JUPYTERLAB_SETTINGS_DIR: `${folder}/lab` },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: address, resolve, reject } = Promise.withResolvers<string>();
  const ended = hear(lab.stderr, resolve).then((said) => reject(new Error(`JupyterLab ended: ${said}`)));
  try {
    await use(await address);
  } finally {
    lab.kill("SIGTERM");
    await Promise.all([lab.status, ended]);
  }
}

/** Reads to the end, and tells the first address with a token on the way. */
async function hear(stream: ReadableStream<Uint8Array>, tell: (address: string) => void): Promise<string> {
  let said = "";
  for await (
    const part of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    said += part;
    const found = said.match(/http:\/\/\S+\?token=\w+(?=\s)/);
    if (found) tell(found[0]);
  }
  return said;
}

/** The names in the file browser. */
export async function listed(page: Page): Promise<string[]> {
  await page.locator(".jp-DirListing-item").first().waitFor();
  return await page.locator(".jp-DirListing-itemText").allTextContents();
}

/** Opens a file, or enters a folder, by its name in the file browser. */
export async function enter(page: Page, name: string): Promise<void> {
  await page.locator(".jp-DirListing-itemText").getByText(name, { exact: true }).dblclick();
}

const TAB = ".lm-TabBar-tab.jp-mod-current";

/** Opens a notebook by its name in the file browser, and waits for its kernel. */
export async function openNotebook(page: Page, name: string): Promise<Locator> {
  await enter(page, name);
  await page.locator(TAB).getByText(name, { exact: true }).waitFor();
  const notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)");
  await notebook.locator(".jp-KernelName").getByText("Lamina (Deno)").waitFor();
  await notebook.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').waitFor();
  return notebook;
}

/** Chooses an entry of the menu bar. */
export async function choose(page: Page, menu: string, entry: string): Promise<void> {
  await page.locator(".lm-MenuBar-itemLabel").getByText(menu, { exact: true }).click();
  await page.locator(".lm-Menu-itemLabel").getByText(entry, { exact: true }).click();
}

/** Presses a button of the notebook's toolbar by its command. */
export async function press(notebook: Locator, command: string): Promise<void> {
  await notebook.locator(`.jp-Toolbar [data-command="${command}"]`).click();
}

/** Saves the notebook in front. */
export async function save(page: Page): Promise<void> {
  const written = page.waitForResponse((response) =>
    response.request().method() === "PUT" && response.url().includes(".ipynb")
  );
  await choose(page, "File", "Save Notebook");
  await written;
}

/** Closes the tab in front. */
export async function close(page: Page): Promise<void> {
  await page.locator(`${TAB} .lm-TabBar-tabCloseIcon`).click();
}

/** What a code cell stands at: `[1]:`, `[*]:` while it runs, `[ ]:` before. */
export async function prompts(notebook: Locator): Promise<string[]> {
  return await notebook.locator(".jp-CodeCell .jp-InputPrompt").allTextContents();
}

/** Of each code cell, the media types of the outputs to be seen: pictures with an extent, tables with a row. */
export async function seen(notebook: Locator): Promise<string[][]> {
  return await notebook.locator(".jp-CodeCell").evaluateAll((cells) =>
    cells.map((cell) =>
      [...cell.querySelectorAll<HTMLElement>(".jp-OutputArea-output")].filter((output) => {
        const { mimeType } = output.dataset;
        if (mimeType === "image/svg+xml") return (output.querySelector("img")?.naturalWidth ?? 0) > 0;
        return mimeType === "text/html" ? output.querySelector("td") : output.textContent;
      }).map((output) => output.dataset.mimeType!)
    )
  );
}

/** Of each code cell, the media types that JupyterLab shows of its stored outputs. */
export function stored(cells: readonly { readonly outputs: readonly Output[] }[]): string[][] {
  const shown = ["image/svg+xml", "text/html", "text/markdown", "text/plain"];
  return cells.map(({ outputs }) => outputs.map(({ data }) => shown.find((type) => data?.[type])!));
}

/** Waits until something holds. What never does is left to the assertion that follows. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (performance.now() < end && !await holds()) await new Promise((resolve) => setTimeout(resolve, 200));
}
