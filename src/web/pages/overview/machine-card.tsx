import type { ComputerSystem } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Card, Facts } from '../../ui/card.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import styles from './machine-card.module.css';
import { useOverviewWords } from './words.ts';

/** What the machine is. */
export function MachineCard({ system }: { readonly system: ComputerSystem }) {
  const words = useOverviewWords();
  const { bytes } = useFormats();
  const { LogicalProcessorCount: count, Model: processor = '' } = system.ProcessorSummary ?? {};
  const memoryGiB = system.MemorySummary?.TotalSystemMemoryGiB;
  return (
    <Card title={words.machine}>
      <Facts
        facts={[
          [words.model, system.Model],
          [words.processors, count !== undefined && words.processorCount(count, processor)],
          [words.memory, memoryGiB !== undefined && bytes(memoryGiB * 1024 ** 3)],
          [words.firmware, system.BiosVersion],
          [
            words.serialNumber,
            <Copied key="serial" text={system.SerialNumber ?? ''} name={words.serialNumber} />,
          ],
          [words.uuid, <Copied key="uuid" text={system.UUID ?? ''} name={words.uuid} />],
        ]}
      />
    </Card>
  );
}

/** What one has to type elsewhere. */
export function Copied({ text, name }: { readonly text: string; readonly name: string }) {
  const words = useOverviewWords();
  return (
    <span className={styles.copied}>
      <code>{text}</code>
      <CopyButton text={text} label={words.copy(name)} />
    </span>
  );
}
