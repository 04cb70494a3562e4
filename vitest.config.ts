import { defineConfig } from 'vitest/config';
import { decidingModules } from './tests/deciding-modules.ts';

export default defineConfig({
  test: {
    // `npm run coverage`: the branches of the modules that decide who gets in and what becomes of hostile bytes.
    coverage: {
      provider: 'v8',
      include: Object.keys(decidingModules),
      reporter: ['text'],
      thresholds: { branches: 95 },
    },
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 60_000,
          include: ['tests/unit/**/*.test.ts', 'tests/golden/**/*.test.ts'],
          environment: 'node',
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          globalSetup: ['tests/support/event-loop-report.ts'],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Guests run under software emulation, each on a processor of its own; much of the rest is waiting.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'container',
          include: ['tests/container/**/*.test.ts'],
          globalSetup: ['tests/support/container-image.ts'],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          // What takes long to install and to run: by `npm run test:peers` alone.
          name: 'peers',
          include: ['tests/peers/**/*.test.ts'],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          // What takes long to run or disturbs all else: `npm run test:long`, or each by a script of its own.
          name: 'long',
          include: ['tests/long/**/*.test.ts'],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
