import assert from "node:assert/strict";
import { join } from "node:path";
import { pageHtml, type Report, sections, writeReport } from "../../src/show/mod.ts";
import { checkSvg } from "./check_svg.ts";
import { profile, sweep } from "./synthetic.ts";

const shape = { layers: 12, samples: 4 };
const results = {
  profile: profile(shape),
  sweep: sweep(shape),
  texts: ["stories", "wiki"].map((text) => profile({ ...shape, text })),
};
type Results = Pick<typeof results, "profile"> & Partial<typeof results>;

/** A page of one model: what is given of it. */
const reportOf = ({ profile, sweep, texts = [] }: Results): Report => ({
  title: `What ${profile.provenance.model.name} can live without`,
  sections: [
    sections.importance({ profile, texts }),
    ...sweep ? [sections.quality(sweep)] : [],
    sections.magnitude(profile),
  ],
});
const FIGURES = 10;
const figuresOf = ({ sections }: Report) => sections.flatMap(({ figures }) => figures);

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a report is a page with its figures and numbers beside it", async () => {
  await inFolder(async (folder) => {
    const report = reportOf(results);
    assert.equal(figuresOf(report).length, FIGURES);
    assert.equal(new Set(figuresOf(report).map(({ name }) => name)).size, FIGURES);
    const page = await Deno.readTextFile(await writeReport(folder, report));
    const files = new Set(Array.from(Deno.readDirSync(folder), ({ name }) => name));
    assert.equal(files.size, 2 * FIGURES + 1);
    const links = [...page.matchAll(/href="([^"#]+)"/g)].map(([, link]) => link);
    assert.equal(links.length, 2 * FIGURES);
    for (const link of links) assert.ok(files.has(link), link);
    for (const { name, svg, csv } of figuresOf(report)) {
      assert.equal(await Deno.readTextFile(join(folder, `${name}.svg`)), svg + "\n");
      assert.equal(await Deno.readTextFile(join(folder, `${name}.csv`)), csv);
      checkSvg(svg);
    }
  });
});

Deno.test("a page needs nothing from elsewhere and no script, and its ids are its own", () => {
  const page = pageHtml(reportOf(results));
  assert.doesNotMatch(page, /<script|<link|@import|src=|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(page.includes("a &quot;small&quot; model &lt;of two &amp; a half&gt;"));
});

Deno.test("the page leads to each of its sections, and two figures of one name are an error", async () => {
  const report = reportOf(results);
  const page = pageHtml(report);
  const wanted = report.sections.map(({ name }) => `section-${name}`);
  assert.deepEqual(wanted, ["section-importance", "section-quality", "section-magnitude"]);
  assert.deepEqual([...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id), wanted);
  assert.deepEqual([...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id), wanted);
  await inFolder(async (folder) => {
    const twice = { ...report, sections: [report.sections[0], report.sections[0]] };
    await assert.rejects(
      writeReport(folder, twice),
      /^RangeError: Cannot write .*: found two figures named importance/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("claims stand beside what was measured, and only where it was", () => {
  const claimsOf = ({ sections }: Report) => sections.flatMap(({ claims }) => claims);
  const ids = (report: Report) => claimsOf(report).map(({ id }) => id);
  assert.deepEqual(ids(reportOf(results)), ["C1", "C2", "C7", "C9"]);
  assert.deepEqual(ids(reportOf({ profile: results.profile })), ["C7", "C9"]);
  assert.deepEqual(ids(reportOf({ profile: profile({ layers: 2, attention: [0, 1] }) })), []);
  const [c1, c2] = claimsOf(reportOf(results));
  assert.match(
    c1.measured,
    /^2 of 12 dropped: perplexity 20\.1 → 22\.2 \(1\.11×\), 90\.5 % of top-1 predictions/,
  );
  assert.match(c2.measured, /20\.1 → 148 \(7\.39×\)/);
});

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
  .find(exists);

Deno.test({
  name: "a browser draws every figure of the page, without empty marks, at phone and desktop width" +
    (chromium ? "" : " (skipped: no chromium; Debian package chromium)"),
  ignore: !chromium,
  async fn() {
    await inFolder(async (folder) => {
      const page = await writeReport(folder, reportOf(results));
      const probe = join(folder, "probe.html");
      await Deno.writeTextFile(probe, (await Deno.readTextFile(page)).replace("</body>", `${PROBE}</body>`));
      for (const width of [390, 1280]) {
        const found = await measure(probe, width, folder);
        assert.equal(found.figures, FIGURES);
        assert.ok(found.marks > 300, `${found.marks} marks`);
        assert.deepEqual(found.empty, []);
        assert.deepEqual(found.outside, []);
        assert.equal(found.broken, 0);
        assert.ok(found.scroll <= found.width, `${found.scroll} wider than ${found.width}`);
      }
    });
  },
});

interface Found {
  figures: number;
  marks: number;
  empty: string[];
  outside: string[];
  broken: number;
  scroll: number;
  width: number;
}

/** Measured in the page itself and left in its title, which the dumped document shows. */
const PROBE = `<script>
const svgs = [...document.querySelectorAll("figure > svg")];
const marks = svgs.flatMap((svg) => [...svg.querySelectorAll("path, circle, rect, line, text")]);
const size = (mark) => { const { width, height } = mark.getBoundingClientRect(); return width + height; };
const outside = svgs.flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top || box.bottom > frame.bottom;
  });
});
document.body.textContent = "FOUND" + JSON.stringify({
  figures: svgs.filter((svg) => size(svg) > 300).length,
  marks: marks.length,
  empty: marks.filter((mark) => size(mark) === 0).map((mark) => mark.outerHTML),
  outside: outside.map((text) => text.textContent),
  broken: (document.querySelector("main").outerHTML.match(/NaN|undefined|Infinity/g) ?? []).length,
  scroll: document.documentElement.scrollWidth,
  width: document.documentElement.clientWidth,
}) + "END";
</script>`;

async function measure(page: string, width: number, folder: string): Promise<Found> {
  const { stdout } = await new Deno.Command(chromium!, {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${join(folder, "browser")}`,
      `--window-size=${width},900`,
      "--dump-dom",
      `file://${page}`,
    ],
    stderr: "null",
  }).output();
  const found = new TextDecoder().decode(stdout).match(/FOUND(.*)END/s);
  assert.ok(found, "the browser gave no document");
  const unescaped = found[1].replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return JSON.parse(unescaped);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
