/**
 * Writes what is derived from the tables in the code: the configuration's JSON schema for editors, its reference
 * page, the reference pages of the IPMI commands and of the Redfish resources with their OpenAPI document, and the
 * table of variables in the README.
 *   npm run gen            write
 *   npm run gen -- --check fail if anything would change
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from '../src/config/reference.ts';
import { ipmiReferenceFiles } from '../src/ipmi/commands/reference.ts';
import { metricsReferenceFiles } from '../src/metrics/reference.ts';
import { redfishReferenceFiles } from '../src/redfish/reference.ts';
import { licenceFiles } from './licence-page.ts';

const root = dirname(import.meta.dirname);
let stale = 0;
const readme = readFileSync(join(root, 'README.md'), 'utf8');
for (const [name, content] of [
  ...generatedFiles(readme),
  ...ipmiReferenceFiles(),
  ...redfishReferenceFiles(),
  ...metricsReferenceFiles(),
  ...licenceFiles(),
]) {
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue;
  stale++;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${name}: not as generated; run npm run gen\n`);
    continue;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  process.stdout.write(`${name}: written\n`);
}
if (process.argv.includes('--check') && stale > 0) process.exitCode = 1;
