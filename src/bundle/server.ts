/** What stands in the place of `../server.ts` in a build: the same from its bundle, with what V8 remembers of it. */
import { fileURLToPath } from 'node:url';
import type * as Server from '../server.ts';
import { Bundle } from './bundle.ts';

const bundle = new Bundle(fileURLToPath(new URL('./bmc.cjs', import.meta.url)));

export const { runBmc, runFake, runResolvedBmc } = bundle.run<typeof Server>();
