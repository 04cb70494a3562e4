import { useEffect, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Select } from '../../ui/select.tsx';
import styles from './filter-bar.module.css';
import { isFiltered, type LogFilter, noFilter, periods, severityChoices } from './log-filter.ts';
import { useLogsWords } from './words.ts';

interface FilterBarProps {
  readonly filter: LogFilter;
  onChange(filter: LogFilter): void;
}

/** So long nobody types before what was typed is searched for. */
const typingMs = 250;

export function FilterBar({ filter, onChange }: FilterBarProps) {
  const words = useLogsWords();
  const [text, setText] = useState(filter.text);
  // Somebody else has changed it: the button that clears the filter, the browser's Back.
  const [known, setKnown] = useState(filter.text);
  if (known !== filter.text) {
    setKnown(filter.text);
    setText(filter.text);
  }
  useEffect(() => {
    if (text === filter.text) return;
    const timer = setTimeout(() => {
      setKnown(text);
      onChange({ ...filter, text });
    }, typingMs);
    return () => clearTimeout(timer);
  }, [text, filter, onChange]);
  return (
    <search className={styles.bar} aria-label={words.filter}>
      <div className={styles.text}>
        <Field label={words.text}>
          <Input
            type="search"
            value={text}
            placeholder={words.textPlaceholder}
            onChange={({ target }) => setText(target.value)}
          />
        </Field>
      </div>
      <Field label={words.severity}>
        <Select
          value={filter.severity}
          options={severityChoices.map((value) => ({ value, label: words.severities[value] }))}
          onChange={(severity) => onChange({ ...filter, severity })}
        />
      </Field>
      <Field label={words.period}>
        <Select
          value={filter.period}
          options={periods.map((value) => ({ value, label: words.periods[value] }))}
          onChange={(period) => onChange({ ...filter, period })}
        />
      </Field>
      {filter.period === 'range' && (
        <>
          <Field label={words.from}>
            <Input
              type="datetime-local"
              value={filter.from}
              onChange={({ target }) => onChange({ ...filter, from: target.value })}
            />
          </Field>
          <Field label={words.to}>
            <Input
              type="datetime-local"
              value={filter.to}
              onChange={({ target }) => onChange({ ...filter, to: target.value })}
            />
          </Field>
        </>
      )}
      {isFiltered(filter) && (
        <Button look="quiet" icon="close" onClick={() => onChange(noFilter)}>
          {words.clearFilter}
        </Button>
      )}
    </search>
  );
}
