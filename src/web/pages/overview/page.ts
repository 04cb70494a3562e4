import type { PageDefinition } from '../page-definition.ts';

export const overview: PageDefinition = {
  path: '/machine/overview',
  title: { en: 'Overview', ja: '概要' },
  icon: 'overview',
  key: 'o',
  load: () => import('./index.tsx'),
};
