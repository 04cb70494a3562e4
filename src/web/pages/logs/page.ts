import type { PageDefinition } from '../page-definition.ts';

export const logs: PageDefinition = {
  path: '/machine/logs',
  title: { en: 'Logs', ja: 'ログ' },
  icon: 'logs',
  key: 'l',
  load: () => import('./index.tsx'),
  places: [
    { title: { en: 'Event log', ja: 'イベントログ' }, to: '/machine/logs/events' },
    { title: { en: 'System event log (SEL)', ja: 'システムイベントログ (SEL)' }, to: '/machine/logs/sel' },
    { title: { en: 'Audit log', ja: '監査ログ' }, to: '/machine/logs/audit' },
    { title: { en: 'Serial log of the host', ja: 'ホストのシリアルログ' }, to: '/machine/logs/serial' },
  ],
};
