/**
 * Entries of logs in the user's language. The service writes them in English, `<what has happened>: <details>.`; what has
 * happened is told by their message ID, the details by the facts that come with the kinds that happen most. Details
 * without facts stay as they are. Records of the SEL are told by the page that shows them.
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
  readonly Oem?:
    | {
        readonly QemuBmc?: {
          readonly Facts?: readonly { readonly Name: string; readonly Value: string }[];
          readonly Changes?: readonly EventChange[];
        };
      }
    | undefined;
}

/** One value that somebody has changed. Absent ends are null. */
export interface EventChange {
  readonly Name: string;
  readonly Before: string | number | boolean | null;
  readonly After: string | number | boolean | null;
}

/** What facts are called that are words of ours; all others are somebody's own. */
const factWords: Readonly<Record<string, string>> = {
  serial: 'シリアルコンソール',
  screen: '画面',
  read: '閲覧のみ',
  logout: 'ログアウト',
  idle: '時間切れ',
  'user-changed': 'ユーザーの変更',
  ended: '強制終了',
  'the guest': 'ゲスト',
  'the watchdog': 'ウォッチドッグ',
  'the host': 'ホスト',
  'power-on at start': '起動時の電源オン',
  'restore policy': '電源復旧時の方針',
  'power limit': '電力制限',
  users: 'ユーザー',
  'LAN interface': 'LAN インターフェース',
  asset: '資産情報',
  'identify light': '識別ライト',
  'boot options': '起動オプション',
  'BMC watchdog': 'BMC のウォッチドッグ',
  'clock of the SEL': 'SEL の時計',
  'access from the host': 'ホストからのアクセス',
};

const inWords = (value: string) => factWords[value] ?? value;

/** @returns undefined where nothing is known but the text */
function details({ Oem: oem }: LoggedMessage): string | undefined {
  const { Facts: facts = [], Changes: changes = [] } = oem?.QemuBmc ?? {};
  const told = Object.fromEntries(facts.map(({ Name, Value }) => [Name, Value]));
  const { By, Console, Access, Protocol, End, User, Image, Slot, Setting, SelfSigned } = told;
  if (SelfSigned !== undefined) return `自己署名の TLS 証明書を作成 (SHA-256 ${SelfSigned})`;
  if (Setting !== undefined) {
    const value = (each: EventChange['Before']) => (each === null ? 'なし' : String(each));
    const all = changes.map(({ Name, Before, After }) =>
      `${Name} ${value(Before)} → ${value(After)}`.trimStart(),
    );
    return [inWords(Setting), all.join('、')].filter(Boolean).join(': ');
  }
  const main = [By ?? Console ?? Protocol ?? Image, User ?? Slot].filter((each) => each !== undefined);
  if (main.length === 0) return undefined;
  const aside = Access === 'write' ? undefined : (End ?? Access);
  return `${main.map(inWords).join('、')}${aside === undefined ? '' : ` (${inWords(aside)})`}`;
}

export function eventText(entry: LoggedMessage, language: Language): string {
  const { Message: text, MessageId: id = '', MessageArgs: args = [] } = entry;
  if (language !== 'ja' || !id.startsWith('QemuBmc.')) return text;
  const told = japanese[id.slice(id.lastIndexOf('.') + 1)];
  if (told === undefined) return text;
  const detail = details(entry);
  return [told, ...(detail === undefined ? args : [detail])].join(': ');
}
