/** The web console's build: src/web → dist/web, names with hashes, each file also compressed. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { licencesOf } from './scripts/licences.ts';

const outDir = fileURLToPath(new URL('dist/web', import.meta.url));

/** Writes `x.gz` and `x.br` beside each text, so that the appliance compresses nothing while it serves. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    async closeBundle() {
      const files = await readdir(outDir, { recursive: true, withFileTypes: true });
      const texts = files.filter((file) => file.isFile() && /\.(js|css|html|svg|json)$/.test(file.name));
      for (const { parentPath, name } of texts) {
        const path = join(parentPath, name);
        const content = await readFile(path);
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params }));
      }
    },
  };
}

/** Beside the code: whose work it is made with, and what the appliance itself runs. */
function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((chunk) =>
        chunk.type === 'chunk' ? chunk.moduleIds : [],
      );
      const source = JSON.stringify(licencesOf(modules));
      this.emitFile({ type: 'asset', fileName: 'assets/licences.json', source });
    },
  };
}

/** Where `npm run dev` and the preview find the appliance. */
const appliance = process.env.QEMU_BMC_URL ?? 'https://127.0.0.1:8443';
const toAppliance = {
  target: appliance,
  changeOrigin: true,
  // Its certificate is its own.
  secure: false,
  ws: true,
  // The appliance takes writes from its own pages alone; here its pages come from this server.
  headers: { origin: new URL(appliance).origin },
};
const proxy = { '/redfish': toAppliance, '/console/': toAppliance };

export default defineConfig({
  root: fileURLToPath(new URL('src/web', import.meta.url)),
  plugins: [react(), licences(), precompress()],
  build: {
    outDir,
    emptyOutDir: true,
    manifest: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The content security policy permits nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What every page shares, in two files rather than in twenty: it compresses better, and a new page moves nothing.
        codeSplitting: {
          groups: [
            { name: 'libraries', test: /node_modules\/(?!@xterm|@novnc|uplot)/ },
            { name: 'base', test: /src\/web\/(api|i18n|machine|ui)\// },
          ],
        },
      },
    },
  },
  server: { port: 5173, proxy },
  preview: { port: 4173, proxy },
});
