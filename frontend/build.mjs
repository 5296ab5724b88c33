// Builds static/dist from frontend/: ES modules by esbuild, one sheet by Sass, one icon sprite, the licences of it all.
// Same input, same bytes: CI builds again and compares with what is committed.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import * as sass from "sass";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
// `make assets-check` builds beside it and compares.
const out = path.resolve(root, process.env.ASSETS_OUT || path.join("static", "dist"));
// Built aside, so that a build which fails leaves what was there.
const fresh = `${out}.new`;
const at = (...parts) => path.join(root, ...parts);

const options = {
  entryPoints: { main: at("frontend/js/main.js") },
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "chrome90",
  minify: true,
  legalComments: "none",
  // Django's manifest hashes the entry; what it imports carries its own hash, for the import names it.
  chunkNames: "chunks/[name]-[hash]",
  logLevel: "warning",
};

function styles() {
  const { css } = sass.compile(at("frontend/scss/main.scss"), {
    loadPaths: [at("node_modules")],
    style: "compressed",
    quietDeps: true,
    // Bootstrap 5 is written with @import; its own next version is not.
    silenceDeprecations: ["import", "global-builtin", "color-functions", "if-function"],
  });
  return css + "\n";
}

async function sprite() {
  const icons = JSON.parse(await readFile(at("frontend/icons.json"), "utf8"));
  const symbols = await Promise.all(
    Object.entries(icons)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(async ([name, file]) => {
        const svg = await readFile(at("node_modules/@tabler/icons/icons", `${file}.svg`), "utf8");
        const paths = svg.replace(/<!--[\s\S]*?-->/g, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1];
        const paint = file.startsWith("filled/")
          ? 'fill="currentColor"'
          : 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';
        const drawn = paths.replace(/<path stroke="none"[^>]*\/>/g, "").replace(/\s*\n\s*/g, "");
        return `<symbol id="${name}" viewBox="0 0 24 24" ${paint}>${drawn}</symbol>`;
      }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`;
}

async function licences() {
  const shipped = ["@tabler/icons", "bootstrap", "htmx.org"];
  const texts = await Promise.all(
    shipped.map(async (name) => {
      const { version, license } = JSON.parse(await readFile(at("node_modules", name, "package.json"), "utf8"));
      for (const file of ["LICENSE", "LICENSE.md", "license.md"]) {
        const text = await readFile(at("node_modules", name, file), "utf8").catch(() => "");
        if (text) return `${name} ${version} (${license})\n\n${text.trim()}\n`;
      }
      return `${name} ${version} (${license})\n`;
    }),
  );
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}

async function build() {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await esbuild.build(options);
  await writeFile(path.join(fresh, "main.css"), styles());
  await writeFile(path.join(fresh, "icons.svg"), await sprite());
  await writeFile(path.join(fresh, "LICENSES.txt"), await licences());
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
}

await build();
