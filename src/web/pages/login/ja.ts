import type { Words } from '../../i18n/words.ts';
import type { en } from './en.ts';

export const ja: Words<typeof en> = {
  title: 'ログイン',
  lead: '電源の状態にかかわらず、1 台のサーバーを操作するコンソールです。',
  userName: 'ユーザー名',
  password: 'パスワード',
  submit: 'ログイン',
  ended: 'セッションが終了しました。ログインすると元の画面に戻ります。',
  wrong: 'ユーザー名またはパスワードが正しくありません。',
  wrongRemedy:
    'IPMI および Redfish と同じ名前とパスワードです。キーボード配列と Caps Lock を確認してください。',
  throttled: (seconds) => `試行回数が多すぎます。${seconds} 秒後に再試行してください。`,
  expired: '新しいパスワードの設定',
  expiredText: (user) =>
    `ほかの操作の前に、${user} のパスワードを変更する必要があります。IPMI のパスワードも同時に変わります。`,
  cancel: '別のユーザーでログイン',
  language: '言語',
  theme: '外観',
};
