import type { PageDefinition } from '../page-definition.ts';

export const mediaBoot: PageDefinition = {
  path: '/machine/media-boot',
  title: { en: 'Media & boot', ja: 'メディアと起動' },
  icon: 'media',
  key: 'm',
  load: () => import('./index.tsx'),
  places: [
    { title: { en: 'Virtual CD and USB', ja: '仮想 CD と USB' }, to: '/machine/media-boot' },
    { title: { en: 'Firmware settings', ja: 'ファームウェア設定' }, to: '/machine/media-boot#firmware' },
    { title: { en: 'Secure Boot', ja: 'セキュアブート' }, to: '/machine/media-boot#secure-boot' },
  ],
};
