import type { PageDefinition } from '../page-definition.ts';

export const settings: PageDefinition = {
  path: '/machine/settings',
  title: { en: 'Settings', ja: '設定' },
  icon: 'settings',
  key: 's',
  load: () => import('./index.tsx'),
  places: [
    { title: { en: 'Users and roles', ja: 'ユーザーとロール' }, to: '/machine/settings/users' },
    { title: { en: 'Sessions', ja: 'セッション' }, to: '/machine/settings/sessions' },
    { title: { en: 'Management network', ja: '管理ネットワーク' }, to: '/machine/settings/network' },
    { title: { en: 'Certificate', ja: '証明書' }, to: '/machine/settings/certificate' },
    {
      title: { en: 'Power restore, Serial-over-LAN, KCS', ja: '復電時の動作、SOL、KCS' },
      to: '/machine/settings/host',
    },
    { title: { en: 'Event subscriptions', ja: 'イベントの通知先' }, to: '/machine/settings/alerts' },
    {
      title: { en: 'Event filters and alerts (PEF)', ja: 'イベントフィルターとアラート (PEF)' },
      to: '/machine/settings/filtering',
    },
    {
      title: { en: 'Backup, firmware, reset', ja: 'バックアップ、ファームウェア、リセット' },
      to: '/machine/settings/maintenance',
    },
    { title: { en: 'About and licences', ja: 'バージョンとライセンス' }, to: '/machine/settings/about' },
  ],
};
