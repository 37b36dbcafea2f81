/** A real browser: Debian's Chromium, driven by Playwright. */
import { type Browser, chromium, type Page } from "playwright-core";

/** Where Chromium is; undefined where there is none, and tests of it are skipped. */
export const CHROMIUM: string | undefined = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  },
);

/** What a test's name says where there is no browser. */
export const SKIPPED = CHROMIUM ? "" : " (skipped: no chromium; Debian package chromium)";

/** Offline: a page needs nothing from elsewhere, and the browser asks for nothing of its own. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Milliseconds that a busy machine may take to show what is waited for. */
export const PATIENCE = 120_000;

/** Opens an address in a new browser, and closes it afterwards. */
export async function inBrowser(address: string, see: (page: Page) => Promise<void>): Promise<void> {
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM!,
    args: ARGUMENTS,
    headless: true,
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(address);
    await see(page);
  } finally {
    await browser.close();
  }
}
