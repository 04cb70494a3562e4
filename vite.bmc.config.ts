/**
 * The BMC's build: src/server.ts and the packages it uses → dist/server/bmc.cjs, one file, which `src/bundle/` loads
 * (docs/decisions/0011-code-cache.md).
 */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, parseSync, Visitor } from 'vite';
import { neverLoaded } from './vite.server.config.ts';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [plainBundle()],
  ssr: { noExternal: true, external: neverLoaded },
  build: {
    ssr: 'src/server.ts',
    outDir: fileURLToPath(new URL('dist/server', import.meta.url)),
    // The command line's parts are in there, too.
    emptyOutDir: false,
    copyPublicDir: false,
    target: 'node20.19',
    sourcemap: true,
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: { format: 'cjs', codeSplitting: false, entryFileNames: 'bmc.cjs', comments: { jsdoc: false } },
    },
  },
});

/** ASCII only: other characters as escapes, which mean the same in texts, patterns and comments. No `import()`. */
function plainBundle(): Plugin {
  return {
    name: 'plain-bundle',
    // Of what is written, since characters may be spelt anew until then. The few columns behind them are left as the map has them.
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        const outside = (what: string) => this.error(`not ASCII, and no escape would do: ${what}`);
        const visitor = new Visitor({
          ImportExpression: () => this.error('import() in a bundle that is one CommonJS file'),
          Identifier: ({ name }) => void (isAscii(name) || outside(name)),
          TaggedTemplateExpression: ({ start, end }) => {
            const text = chunk.code.slice(start, end);
            if (!isAscii(text)) outside(text);
          },
        });
        visitor.visit(parseSync(chunk.fileName, chunk.code).program);
        chunk.code = chunk.code.replace(/(\\*)([^\0-\x7f]+)/g, (text, before: string, others: string) => {
          if (before.length % 2 === 1) outside(text);
          return before + others.replace(/[\s\S]/g, escaped);
        });
      }
    },
  };
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** @param unit of UTF-16 */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
