/**
 * The firmware's settings in the user's language. The registry tells them in English; what is not here is shown as it tells
 * it.
 */
import type { Language } from '../../i18n/words.ts';
import type { SettingTexts } from './attributes.ts';
import type { RegistryAttribute } from './schema.ts';

/** By the attribute's name: its name and its help. */
const japanese: Readonly<Record<string, readonly [name: string, help: string]>> = {
  ProcessorCount: [
    'プロセッサー数',
    'OS から見えるプロセッサーの数。ソケット数 × コアあたりのスレッド数の倍数です。',
  ],
  ProcessorSockets: ['プロセッサーソケット数', 'プロセッサーを割り振るソケットの数。'],
  HyperThreading: ['ハイパースレッディング', '各コアを 2 つのプロセッサーとして見せるかどうか。'],
  MemorySizeMiB: ['メモリー', 'MiB 単位のメモリー量。'],
  BootMode: ['起動モード', '一時指定がないときにマシンを起動するファームウェア。'],
  TpmSupport: [
    'トラステッドプラットフォームモジュール',
    'TPM 2.0 を備えるかどうか。無効にしても保存内容は残ります。',
  ],
  SerialRedirection: [
    'レガシー BIOS のシリアル転送',
    'レガシー BIOS がシリアルポートに表示し、キー入力を受け付けるかどうか。UEFI とファームウェア設定画面では常に有効です。',
  ],
  NetworkBoot: ['ネットワーク起動', 'ネットワークカードを起動対象に含めるかどうか。'],
};

export function attributeTexts(
  { AttributeName, DisplayName, HelpText = '' }: RegistryAttribute,
  language: Language,
): SettingTexts {
  const [name, help] = (language === 'ja' && japanese[AttributeName]) || [DisplayName, HelpText];
  return { name, help };
}
