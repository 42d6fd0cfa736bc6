// Builds dist/: the loader as one classic script, the messenger as one lazily imported module, the Customer SDK as a classic script, a
// module and its declarations, and a manifest with their sizes.
// The same sources always give the same bytes. Fails when a size budget of docs/architecture is exceeded.
import { build, transform } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = `${here}dist/`;
const KILOBYTE = 1000;
const budgets = { widget: 8 * KILOBYTE, messenger: 30 * KILOBYTE, greeting: 3 * KILOBYTE, 'customer-sdk': 15 * KILOBYTE };

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
  // Smaller than the automatic runtime: children are arguments.
  tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
};

/** `internal` matches names of properties that never leave the bundle, neither to the wire nor to a store nor to another script. */
async function bundle({ internal, ...options }) {
  const result = await build({ ...common, ...options });
  const [{ text }] = result.outputFiles;
  // A second look, across what were modules, saves some 3 %. The banner and what wraps the code stay as they are.
  const { code } = await minify(text, {
    ecma: 2020,
    module: options.format === 'esm',
    compress: { passes: 3, pure_getters: true },
    mangle: { ...(internal && { properties: { regex: internal } }) },
    format: { comments: /Parlor/ },
  });
  return `${code}\n`;
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}

const messenger = await bundle({
  entryPoints: ['src/messenger/main.tsx'],
  inject: ['src/messenger/jsx.ts'],
  internal: /^((is|has|most|own|load)[A-Z]\w+|agentSeenUpTo|seenUpTo|conversation|refusals|retryAfterMs|unsent|newestThread|uploads|faults|dates|reader|texts|forms|session|chatId|authorId|createdAt|jobTitle|uniqueId|customerId|(next|previous)PageId|visitor|focusWishes|greetingId)$/,
  format: 'esm',
  banner: { js: '/* Parlor messenger, MIT. Contains Preact, MIT, (c) 2015-present Jason Miller. */' },
});
const messengerName = `messenger-${hash(messenger)}.js`;

const greeting = await bundle({
  entryPoints: ['src/greeting/main.ts'],
  format: 'esm',
  banner: { js: '/* Parlor greeting, MIT */' },
});
const greetingName = `greeting-${hash(greeting)}.js`;

const widget = await bundle({
  entryPoints: ['src/loader/main.ts'],
  format: 'iife',
  banner: { js: '/* Parlor, MIT */' },
  define: { MESSENGER_FILE: JSON.stringify(messengerName), GREETING_FILE: JSON.stringify(greetingName) },
});

const sdkBanner = '/* Parlor Customer SDK, MIT */';
const sdkModule = await bundle({ entryPoints: ['src/sdk/esm.ts'], format: 'esm', banner: { js: sdkBanner } });
const sdkScript = await bundle({
  entryPoints: ['src/sdk/umd.ts'],
  format: 'iife',
  globalName: 'CustomerSDK',
  // Modules of Node and of AMD get it as theirs, pages as a global.
  banner: {
    js: `${sdkBanner}\n(function(r,f){typeof module==="object"&&module.exports?module.exports=f():typeof define==="function"&&define.amd?define(f):r.CustomerSDK=f()})(typeof self<"u"?self:this,function(){`,
  },
  footer: { js: 'return CustomerSDK});' },
});

/** One file of declarations out of the source files that hold nothing but types. */
async function declarations() {
  const parts = [];
  for (const file of ['src/customer/objects.ts', 'src/sdk/api.ts']) {
    const text = await readFile(here + file, 'utf8');
    parts.push(text.replace(/^import type \{[^}]*\} from '[^']*';\n+/gm, ''));
  }
  return `${parts.join('\n')}
/** Makes an instance. Throws a TypeError for a configuration of wrong types. */
export declare function init(config: Config): CustomerSDK;
export as namespace CustomerSDK;
`;
}

const sizes = {
  'customer-sdk': Math.max(...[sdkModule, sdkScript].map((code) => gzipSync(code, { level: 9 }).length)),
  widget: gzipSync(widget, { level: 9 }).length,
  messenger: gzipSync(messenger, { level: 9 }).length,
  greeting: gzipSync(greeting, { level: 9 }).length,
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
await writeFile(`${dist}customer-sdk.js`, sdkScript);
await writeFile(`${dist}customer-sdk.mjs`, sdkModule);
await writeFile(`${dist}customer-sdk.d.ts`, await declarations());
await writeFile(`${dist}${greetingName}`, greeting);
await writeFile(
  `${dist}manifest.json`,
  `${JSON.stringify({ widget: 'widget.js', messenger: messengerName, greeting: greetingName, gzip_bytes: sizes }, null, 2)}\n`,
);
