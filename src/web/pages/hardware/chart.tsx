/** A chart of readings over time. It loads uPlot: import it lazily. */
import { useEffect, useRef, useState } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import styles from './chart.module.css';

export interface ChartSeries {
  readonly name: string;
  /** A custom property with its colour: `--accent`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartLine {
  readonly value: number;
  readonly colour: string;
}

export interface ChartProps {
  readonly label: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly ceiling: number;
  readonly series: readonly ChartSeries[];
  /** Thresholds. */
  readonly lines: readonly ChartLine[];
  value(reading: number): string;
  time(seconds: number): string;
  /** A time below the chart. */
  tick(seconds: number): string;
}

export default function Chart(props: ChartProps) {
  const { label, times, from, to, ceiling, series, lines } = props;
  const ref = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const theme = useThemeVersion();
  const [said, setSaid] = useState('');
  // What makes another chart, and not only another state of it.
  const shape = JSON.stringify([series.map(({ name, colour }) => [name, colour]), theme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape stands for all that the chart is made of
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const made = make(element, () => latest.current, setSaid);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn is read out of the properties when it is drawn
  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [times, from, to, ceiling, lines, shape]);

  return (
    <figure className={styles.figure}>
      <div ref={ref} className={styles.chart} role="img" aria-label={label} />
      <figcaption className={styles.said} aria-hidden="true">
        {said}
      </figcaption>
    </figure>
  );
}

function dataOf({ times, series }: ChartProps): UPlot.AlignedData {
  return [times as number[], ...series.map(({ values }) => values as (number | null)[])];
}

function make(element: HTMLDivElement, props: () => ChartProps, say: (text: string) => void): UPlot {
  const colour = (name: string) => colourOf(element, name);
  const ink = colour('--ink-soft');
  const grid = { stroke: colour('--line'), width: 1 };
  const { fontFamily } = getComputedStyle(element);
  const font = `11px ${fontFamily}`;
  const axis = { stroke: ink, grid, ticks: { show: false }, font };
  // The last time stands below the right edge, and half of it reaches beyond.
  const halfTime = () => Math.ceil(widthOf(props().tick(props().to), font) / 2) + 1;
  return new UPlot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      padding: [8, halfTime, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => [props().from, props().to] },
        y: { range: () => [0, props().ceiling] },
      },
      axes: [
        { ...axis, size: 22, space: 70, values: (_, splits) => splits.map((at) => props().tick(at)) },
        { ...axis, size: 44, values: (_, splits) => splits.map((at) => props().value(at)) },
      ],
      series: [
        {},
        ...props().series.map(({ name, colour: stroke }) => ({
          label: name,
          stroke: colour(stroke),
          width: 1.75,
          // A line needs two of them.
          points: { show: () => props().times.length < 3 },
          spanGaps: false,
        })),
      ],
      hooks: {
        draw: [
          (plot) => {
            const { ctx, bbox } = plot;
            ctx.save();
            ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
            ctx.lineWidth = devicePixelRatio;
            for (const line of props().lines) {
              const y = plot.valToPos(line.value, 'y', true);
              ctx.strokeStyle = colour(line.colour);
              ctx.beginPath();
              ctx.moveTo(bbox.left, y);
              ctx.lineTo(bbox.left + bbox.width, y);
              ctx.stroke();
            }
            ctx.restore();
          },
        ],
        setCursor: [
          ({ cursor: { idx } }) => {
            const { times, series, time, value } = props();
            const at = idx === null || idx === undefined ? undefined : times[idx];
            if (at === undefined || idx === null || idx === undefined) return say('');
            const texts = series.flatMap(({ name, values }) => {
              const reading = values[idx];
              return reading === null || reading === undefined ? [] : [`${name} ${value(reading)}`];
            });
            say([time(at), ...texts].join('  ·  '));
          },
        ],
      },
    },
    dataOf(props()),
    element,
  );
}

/** @returns CSS pixels */
function widthOf(text: string, font: string): number {
  const context = document.createElement('canvas').getContext('2d');
  if (!context) return 0;
  context.font = font;
  return context.measureText(text).width;
}

/** A custom property as a colour that a canvas takes: light-dark() and others are resolved by the browser. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** @returns a number that is another one after each change between light and dark: a canvas does not follow by itself */
function useThemeVersion(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const bump = () => setVersion((last) => last + 1);
    const media = matchMedia('(prefers-color-scheme: dark)');
    const observer = new MutationObserver(bump);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    media.addEventListener('change', bump);
    return () => {
      observer.disconnect();
      media.removeEventListener('change', bump);
    };
  }, []);
  return version;
}
