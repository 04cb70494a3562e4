import type { ReactNode } from 'react';
import type { Column } from '../../ui/table.tsx';
import styles from './button-column.module.css';

/** The last column of a table: what can be done with each row. */
export function buttonColumn<Row>(buttons: (row: Row) => ReactNode): Column<Row> {
  return {
    id: 'actions',
    header: '',
    narrow: true,
    align: 'end',
    cell: (row) => <span className={styles.buttons}>{buttons(row)}</span>,
  };
}
