import type { Words } from '../../../i18n/words.ts';
import type { en } from './en.ts';

export const ja: Words<typeof en> = {
  password: {
    soon: (ago, time) => `パスワードの有効期限は${ago} (${time}) です。`,
    over: (time) => `パスワードの有効期限が切れています (${time})。`,
  },
  changePassword: '変更する',
  certificate: {
    soon: (ago, time) => `HTTPS 証明書の有効期限は${ago} (${time}) です。`,
    over: (time) =>
      `HTTPS 証明書の有効期限が切れています (${time})。証明書を検証するクライアントは接続できません。`,
  },
  replaceCertificate: '交換する',
};
