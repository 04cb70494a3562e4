/** What an entry of any log says, in the user's language. */
import { eventText } from '../../i18n/event-texts.ts';
import type { Language } from '../../i18n/words.ts';
import type { Entry } from './log-kinds.ts';

/** What the service says of records of the SEL, which has no other words for it than these. */
export const selTexts: Readonly<Record<string, string>> = {
  'internal error': '内部エラー',
  'thermal trip': '過熱による停止',
  'built-in self-test failed': '自己診断の失敗',
  'hung in POST': 'POST での停止',
  'configuration error': '構成エラー',
  present: 'あり',
  disabled: '無効',
  'chassis intrusion': 'シャーシの開放',
  'LAN leash lost': 'LAN の切断',
  failure: '故障',
  'input lost': '入力の喪失',
  'power off': '電源オフ',
  'power cycle': '電源の入れ直し',
  'soft power control failed': '電源制御の失敗',
  'correctable error': '訂正可能なエラー',
  'uncorrectable error': '訂正不能なエラー',
  'correctable error logging limit reached': '訂正可能なエラーの記録上限',
  fault: '障害',
  'predicted failure': '故障の予兆',
  error: 'エラー',
  hang: '停止',
  progress: '進行',
  'log cleared': 'ログの消去',
  'log full': 'ログが満杯',
  'log almost full': 'ログがほぼ満杯',
  reconfigured: '構成の変更',
  'OEM boot event': 'OEM 起動イベント',
  'undetermined hardware failure': '不明なハードウェア障害',
  'event filter acts': 'イベントフィルターの動作',
  'clock changed': '時計の変更',
  'diagnostic interrupt': '診断割り込み',
  'bus timeout': 'バスのタイムアウト',
  'software NMI': 'ソフトウェア NMI',
  'PCI parity error': 'PCI パリティエラー',
  'PCI system error': 'PCI システムエラー',
  'power button pressed': '電源ボタンの押下',
  'reset button pressed': 'リセットボタンの押下',
  'power-up': '電源投入',
  'hard reset': 'ハードリセット',
  'warm reset': 'ウォームリセット',
  'network boot requested': 'ネットワーク起動の要求',
  'boot to diagnostics requested': '診断起動の要求',
  'reset by software': 'ソフトウェアによるリセット',
  restart: '再起動',
  'no bootable media': '起動メディアなし',
  'no network boot server': 'ネットワーク起動サーバーなし',
  'booted from disk': 'ディスクから起動',
  'booted from the network': 'ネットワークから起動',
  'booted diagnostics': '診断の起動',
  'booted from CD': 'CD から起動',
  'booted from ROM': 'ROM から起動',
  'boot completed': '起動の完了',
  'stopped while loading': '読み込み中の停止',
  'stopped at run time': '実行中の停止',
  'graceful stop': '正常な停止',
  'graceful shutdown': '正常なシャットダウン',
  'device installed': 'デバイスの装着',
  working: '動作中',
  'soft off': 'ソフトオフ',
  expired: '満了',
  'power down': '電源オフ',
  'about to expire': '満了間近',
  absent: 'なし',
  'heartbeat lost': 'リンク切断',
  heartbeat: 'リンク確立',
  degraded: '性能低下',
  'off-line': 'オフライン',
  unavailable: '利用不可',
  'sensor failure': 'センサーの故障',
  low: '低下',
  failed: '故障',
  'session activated': 'セッションの開始',
  'session deactivated': 'セッションの終了',
  'wrong user name or password': 'ユーザー名またはパスワードの誤り',
  'user disabled by wrong passwords': 'パスワードの誤りによるユーザーの無効化',
  'lower Non-critical - going low': '下限 (警告)、下降',
  'lower Non-critical - going high': '下限 (警告)、上昇',
  'lower Critical - going low': '下限 (重大)、下降',
  'lower Critical - going high': '下限 (重大)、上昇',
  'lower Non-recoverable - going low': '下限 (回復不能)、下降',
  'lower Non-recoverable - going high': '下限 (回復不能)、上昇',
  'upper Non-critical - going low': '上限 (警告)、下降',
  'upper Non-critical - going high': '上限 (警告)、上昇',
  'upper Critical - going low': '上限 (重大)、下降',
  'upper Critical - going high': '上限 (重大)、上昇',
  'upper Non-recoverable - going low': '上限 (回復不能)、下降',
  'upper Non-recoverable - going high': '上限 (回復不能)、上昇',
  reading: '測定値',
  threshold: 'しきい値',
  'raw reading': '生の測定値',
  'raw threshold': '生のしきい値',
};

/** @param inTable what changed is listed beside it, so that the text need not say it as well */
export function entryText(entry: Entry, language: Language, inTable = false): string {
  const { MessageId: id = '', MessageArgs: args = [] } = entry;
  const [sensor, what, phase] = args;
  if (language !== 'ja' || !id.endsWith('.SelRecord') || what === undefined) {
    const { Changes: changes, ...rest } = entry.Oem?.QemuBmc ?? {};
    return eventText(inTable && changes ? { ...entry, Oem: { QemuBmc: rest } } : entry, language);
  }
  return `センサー ${sensor}: ${selWhat(what)} (${phase === 'ended' ? '終了' : '発生'})`;
}

/** `upper Critical - going high, reading 95 °C, threshold 90 °C`: words with numbers between. */
function selWhat(what: string): string {
  return what
    .split(', ')
    .map((part) => {
      const [, name = part, value = ''] = /^((?:raw )?(?:reading|threshold))( .+)$/.exec(part) ?? [];
      return `${selTexts[name] ?? name}${value}`;
    })
    .join('、');
}
