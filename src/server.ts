/** The BMC itself, in the ways in which a process runs it. In a build this is a bundle of its own, `bundle/server.ts`. */
export { runBmc, runResolvedBmc } from './run-bmc.ts';
export { runFake } from './run-fake.ts';
