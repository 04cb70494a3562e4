import type { PageDefinition } from '../page-definition.ts';

export const hardware: PageDefinition = {
  path: '/machine/hardware',
  title: { en: 'Hardware', ja: 'ハードウェア' },
  icon: 'hardware',
  key: 'h',
  load: () => import('./index.tsx'),
  places: [
    { title: { en: 'Sensors', ja: 'センサー' }, to: '/machine/hardware#sensors' },
    { title: { en: 'Disks', ja: 'ディスク' }, to: '/machine/hardware#disks' },
    { title: { en: 'Network cards', ja: 'ネットワークカード' }, to: '/machine/hardware#network' },
  ],
};
