// What is in the image, as a CycloneDX document on standard output. It is made of what lies there, not of what was
// asked for: npm's packages by their folders, Debian's by dpkg's lists of files, and Node itself.
//   node sbom.mjs APP_DIRECTORY
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [app] = process.argv.slice(2);
const product = packageIn(app);
const document = {
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  // Neither a time nor a number of its own: the same content gives the same document.
  metadata: { component: { ...npmComponent(product), type: 'application' } },
  components: [nodeItself(), ...npmPackages(join(app, 'node_modules')), ...debianPackages()],
};
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);

function nodeItself() {
  const { node: version } = process.versions;
  return {
    'bom-ref': `node@${version}`,
    type: 'application',
    name: 'node',
    version,
    purl: `pkg:generic/node@${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}

/** All packages below a `node_modules`, each once. */
function npmPackages(folder) {
  const found = new Map();
  const walk = (modules) => {
    if (!existsSync(modules)) return;
    for (const name of readdirSync(modules)) {
      const path = join(modules, name);
      if (name.startsWith('@')) walk(path);
      else if (existsSync(join(path, 'package.json'))) {
        const component = npmComponent(packageIn(path));
        found.set(component['bom-ref'], component);
        walk(join(path, 'node_modules'));
      }
    }
  };
  walk(folder);
  return [...found.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
}

function packageIn(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function npmComponent({ name, version, license, licenses }) {
  const terms = typeof license === 'string' ? license : (license?.type ?? licenses?.[0]?.type);
  return {
    'bom-ref': `npm:${name}@${version}`,
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(terms && { licenses: [{ license: { name: terms } }] }),
  };
}

function debianPackages() {
  const information = '/var/lib/dpkg/info';
  const lists = new Map(
    readdirSync(information)
      .filter((name) => name.endsWith('.list'))
      .map((name) => [name.replace(/(:[a-z0-9]+)?\.list$/, ''), join(information, name)]),
  );
  const fields = ['Package', 'Version', 'Architecture', 'source:Package', 'source:Version'];
  const format = `${fields.map((field) => `\${${field}}`).join('\\t')}\\n`;
  return execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([name]) => isThere(lists.get(name)))
    .map(([name, version, architecture, source, sourceVersion]) => ({
      'bom-ref': `deb:${name}@${version}`,
      type: 'library',
      name,
      version,
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`,
      licenses: [{ license: { name: `see /usr/share/doc/${name}/copyright` } }],
      properties: [{ name: 'debian:source', value: `${source} ${sourceVersion}` }],
    }));
}

/** Some packages are here by name only, for others' sake: nothing but their licence is left. */
function isThere(list) {
  if (list === undefined) return false;
  const paths = readFileSync(list, 'utf8').split('\n').filter(Boolean);
  const real = paths.filter((path) => !path.startsWith('/usr/share/doc/') && existsSync(path));
  // A package without files of its own brings others; it is here like they are.
  return real.some((path) => !isDirectory(path)) || paths.every(isDirectory);
}

function isDirectory(path) {
  return existsSync(path) && lstatSync(path).isDirectory();
}
