import type { PageDefinition } from '../page-definition.ts';

export const console: PageDefinition = {
  path: '/machine/console',
  title: { en: 'Console', ja: 'コンソール' },
  icon: 'console',
  key: 'c',
  load: () => import('./index.tsx'),
  places: [
    { title: { en: 'Screen alone', ja: '画面のみ' }, to: '/machine/console?view=screen' },
    {
      title: { en: 'Serial console alone', ja: 'シリアルコンソールのみ' },
      to: '/machine/console?view=serial',
    },
  ],
};
