import type { ReactNode } from 'react';
import styles from './table.module.css';
import { Unseen } from './unseen.tsx';
import { useUiWords } from './words.ts';

export interface Column<Row> {
  readonly id: string;
  /** Empty for a column of buttons. */
  readonly header: ReactNode;
  cell(row: Row): ReactNode;
  /** Numbers stand right, so that they can be compared. */
  readonly align?: 'start' | 'end';
  /** As narrow as its content. */
  readonly narrow?: boolean;
  /** What the row is about. On a narrow screen it stands above the other cells; without one the first column does. */
  readonly lead?: boolean;
}

interface TableProps<Row> {
  /** What the table holds, for those who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  rowKey(row: Row): string;
  readonly empty?: ReactNode;
  /** In a narrow place: each cell beside its header, or all but the lead in one line without headers. */
  readonly stacked?: 'named' | 'line';
  /** The width that the columns need, in rem: a place that has less of it is narrow. */
  readonly room?: number;
}

const commonRoom = 40;

/** In a narrow place, be it a small window or a small card, each row becomes a small block with its lead on top. */
export function Table<Row>({
  label,
  columns,
  rows,
  rowKey,
  empty,
  stacked = 'named',
  room = commonRoom,
}: TableProps<Row>) {
  const words = useUiWords();
  if (rows.length === 0 && empty) return empty;
  const lead = columns.find((column) => column.lead) ?? columns[0];
  return (
    <div className={styles.place} style={{ fontSize: `${room}rem` }}>
      <table className={styles.table} aria-label={label} data-stacked={stacked}>
        <thead>
          <tr>
            {columns.map(({ id, header, align, narrow }) => (
              <th key={id} scope="col" data-align={align} data-narrow={narrow || undefined}>
                {header === '' ? <Unseen>{words.actions}</Unseen> : header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ id, header, align, narrow, cell }) => (
                <td
                  key={id}
                  data-align={align}
                  data-narrow={narrow || undefined}
                  data-lead={id === lead?.id || undefined}
                >
                  <span className={styles.name} aria-hidden="true">
                    {header}
                  </span>
                  <span className={styles.value}>{cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
