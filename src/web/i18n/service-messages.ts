/**
 * What the service says, in the words of the user's language, by message ID. English is the service's own; it is here only
 * where it says too little to act upon. A message that is not here is shown as the service sent it.
 */
import type { Language } from './words.ts';

type Told = (...args: readonly string[]) => readonly [cause: string, remedy: string | undefined];

const administrator = '管理者に依頼するか、別のユーザーでログインしてください。';

export const serviceMessages: Readonly<Record<Language, Readonly<Record<string, Told>>>> = {
  en: {
    SessionLimitExceeded: () => [
      'You have too many sessions open.',
      'Log out in other browsers and scripts, or wait until sessions that nobody uses end.',
    ],
    ChassisPowerStateOnRequired: () => ['The machine is off.', 'Switch it on first.'],
    InsufficientPrivilege: () => [
      'Your role does not permit this.',
      'Ask an administrator, or log in as another user.',
    ],
  },
  ja: {
    ChassisPowerStateOnRequired: () => ['マシンの電源が切れています。', '先に電源を入れてください。'],
    InsufficientPrivilege: () => ['この操作の権限がありません。', administrator],
    AccessUnauthorized: () => ['認証されませんでした。', 'もう一度ログインしてください。'],
    PropertyValueNotInList: (value, property) => [
      `${property} の値「${value}」は選択肢にありません。`,
      '選択肢から値を選んでください。',
    ],
    PropertyValueFormatError: (value, property) => [
      `${property} の値「${value}」の形式が正しくありません。`,
      '形式を直してください。',
    ],
    PropertyValueOutOfRange: (value, property) => [
      `${property} の値「${value}」は範囲外です。`,
      '範囲内の値を入力してください。',
    ],
    PropertyValueTypeError: (value, property) => [
      `${property} の値「${value}」の型が正しくありません。`,
      '値を直してください。',
    ],
    PropertyValueError: (property) => [`${property} の値が正しくありません。`, '値を直してください。'],
    PropertyNotWritable: (property) => [`${property} は変更できません。`, undefined],
    PropertyMissing: (property) => [`${property} が必要です。`, '値を入力してください。'],
    ActionParameterValueNotInList: (value, parameter) => [
      `${parameter} の値「${value}」は選択肢にありません。`,
      '選択肢から値を選んでください。',
    ],
    ResourceAlreadyExists: () => ['同じものがすでに存在します。', '別の名前を使ってください。'],
    ResourceInUse: () => ['対象は使用中です。', '使用が終わってから再試行してください。'],
    ServiceTemporarilyUnavailable: () => ['サービスは一時的に利用できません。', undefined],
    SessionLimitExceeded: () => [
      'セッション数が上限に達しています。',
      '使っていないセッションを終了してください。',
    ],
    InternalError: () => ['BMC の内部エラーです。', 'BMC のイベントログを確認してください。'],
  },
};
