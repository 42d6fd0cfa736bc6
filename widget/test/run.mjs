// Bundles test/*.test.ts with the sources they test and runs them with node:test.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const names = (await readdir(here)).filter((name) => name.endsWith('.test.ts'));
const folder = await mkdtemp(join(tmpdir(), 'parlor-widget-test-'));
try {
  await build({
    absWorkingDir: here,
    entryPoints: names,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const files = names.map((name) => join(folder, name.replace('.ts', '.mjs')));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  await rm(folder, { recursive: true });
}
