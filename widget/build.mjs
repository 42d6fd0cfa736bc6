// Builds dist/: the loader as one classic script, the messenger as one lazily imported module, and a manifest that names both.
// The same sources always give the same bytes. Fails when a size budget of docs/architecture is exceeded.
import { build, transform } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = `${here}dist/`;
const KILOBYTE = 1000;
const budgets = { widget: 8 * KILOBYTE, messenger: 30 * KILOBYTE };

/** Imports of `.css` files become minified text for constructable style sheets. */
const cssText = {
  name: 'css-text',
  setup(plugin) {
    plugin.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), {
        loader: 'css',
        minify: true,
        target: 'es2022',
      });
      return { contents: `export default ${JSON.stringify(code.trim())}`, loader: 'js' };
    });
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  plugins: [cssText],
  jsx: 'automatic',
  jsxImportSource: 'preact',
};

async function bundle(options) {
  const result = await build({ ...common, ...options });
  return result.outputFiles[0].text;
}

const messenger = await bundle({
  entryPoints: ['src/messenger/main.tsx'],
  format: 'esm',
  banner: { js: '/* Parlor messenger, MIT. Contains Preact, MIT, (c) 2015-present Jason Miller. */' },
});
const hash = createHash('sha256').update(messenger).digest('hex').slice(0, 10);
const messengerName = `messenger-${hash}.js`;

const widget = await bundle({
  entryPoints: ['src/loader/main.ts'],
  format: 'iife',
  banner: { js: '/* Parlor, MIT */' },
  define: { MESSENGER_FILE: JSON.stringify(messengerName) },
});

const sizes = {
  widget: gzipSync(widget, { level: 9 }).length,
  messenger: gzipSync(messenger, { level: 9 }).length,
};
for (const [name, limit] of Object.entries(budgets)) {
  console.log(`${name}: ${sizes[name]} of ${limit} bytes gzip`);
  if (sizes[name] > limit) {
    console.error(`${name} exceeds its budget by ${sizes[name] - limit} bytes`);
    process.exitCode = 1;
  }
}

await mkdir(dist, { recursive: true });
for (const old of await readdir(dist)) await rm(dist + old);
await writeFile(`${dist}widget.js`, widget);
await writeFile(`${dist}${messengerName}`, messenger);
await writeFile(
  `${dist}manifest.json`,
  `${JSON.stringify({ widget: 'widget.js', messenger: messengerName, gzip_bytes: sizes }, null, 2)}\n`,
);
