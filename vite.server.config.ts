/**
 * The command line's build: src/main.ts and the packages it uses → dist/main.js and its parts in dist/server. A start reads a
 * few files in place of a thousand (docs/decisions/0010-server-bundle.md). The BMC itself is built by vite.bmc.config.ts.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const parts = 'server';
const here = fileURLToPath(new URL('.', import.meta.url));

/** Left to Node to find, should anybody ever ask for them: what Fastify loads for schemas and injected requests. */
export const neverLoaded = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
];

export default defineConfig({
  root: here,
  plugins: [
    {
      name: 'no-parts-of-an-earlier-build',
      configResolved({ build }) {
        rmSync(join(build.outDir, parts), { recursive: true, force: true });
      },
    },
    {
      name: 'bmc-from-its-bundle',
      enforce: 'pre',
      async resolveId(source, importer, options) {
        const found = await this.resolve(source, importer, { ...options, skipSelf: true });
        return found?.id === join(here, 'src/server.ts') ? join(here, 'src/bundle/server.ts') : found;
      },
    },
  ],
  ssr: { noExternal: true, external: neverLoaded },
  build: {
    ssr: 'src/main.ts',
    outDir: join(here, 'dist'),
    // The web console is in there, too.
    emptyOutDir: false,
    copyPublicDir: false,
    target: 'node20.19',
    sourcemap: true,
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: { entryFileNames: '[name].js', chunkFileNames: `${parts}/[name].js` },
    },
  },
});
