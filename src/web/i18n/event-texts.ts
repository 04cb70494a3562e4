/**
 * Entries of logs in the user's language. The service writes them in English, `<what has happened>: <details>.`; what has
 * happened is told by their message ID, the details stay as they are.
 */
import type { Language } from './words.ts';

/** By the last word of the message ID, of the registry QemuBmc. */
const japanese: Readonly<Record<string, string>> = {
  BmcStarted: 'BMC が起動しました',
  BmcStopped: 'BMC が停止します',
  PowerOn: 'サーバーの電源が入りました',
  PowerOff: 'サーバーの電源が切れました',
  PowerFailed: '電源操作に失敗しました',
  MachineCrashed: 'サーバーが異常停止しました',
  MachineAdopted: '動作中のサーバーを引き継ぎました',
  Reset: 'サーバーがリセットされました',
  GuestShutdown: 'OS がシャットダウンしました',
  SoftOffIgnored: 'シャットダウン要求に応答がありません',
  DiagnosticInterrupt: '診断割り込みを送信しました',
  Paused: 'サーバーが一時停止しました',
  Resumed: 'サーバーが再開しました',
  PowerLimit: '電力制限',
  Panic: 'OS がパニックを起こしました',
  Watchdog: 'ウォッチドッグが満了しました',
  BootOverride: '起動元の一時指定が変わりました',
  Boot: 'サーバーを起動します',
  SolActivated: 'シリアルコンソール (SOL) が開かれました',
  SolDeactivated: 'シリアルコンソール (SOL) が閉じられました',
  ConsoleOpened: 'コンソールが開かれました',
  ConsoleClosed: 'コンソールが閉じられました',
  Configuration: '設定が変更されました',
  UserChanged: 'ユーザーが変更されました',
  SessionOpened: 'セッションが開かれました',
  SessionClosed: 'セッションが閉じられました',
  StateDamaged: '保存された状態が壊れていました',
  NicMissing: 'ネットワークカードがありません',
  NicFallback: 'ネットワークカードが指定と異なる方法で接続されました',
  NicLate: 'ネットワークカードが接続されました',
  MediaInserted: 'メディアが挿入されました',
  MediaEjected: 'メディアが取り出されました',
  MediaFailed: 'メディアを読み取れません',
  TpmFailed: 'TPM が停止しました',
  Firmware: 'サーバーのファームウェアが変更されました',
  UpdateFailed: '更新を適用できませんでした',
  WireLost: 'ネットワークカードの接続が失われました',
  WireReturned: 'ネットワークカードの接続が戻りました',
};

export interface LoggedMessage {
  readonly Message: string;
  readonly MessageId?: string | undefined;
  readonly MessageArgs?: readonly string[] | undefined;
}

export function eventText(
  { Message: text, MessageId: id = '', MessageArgs: args = [] }: LoggedMessage,
  language: Language,
): string {
  if (language !== 'ja' || !id.startsWith('QemuBmc.')) return text;
  const name = id.slice(id.lastIndexOf('.') + 1);
  if (name === 'SelRecord' && args.length === 3) {
    const [sensor, what, phase] = args;
    return `センサー ${sensor}: ${what} (${phase === 'ended' ? '終了' : '発生'})`;
  }
  const told = japanese[name];
  return told === undefined ? text : [told, ...args].join(': ');
}
