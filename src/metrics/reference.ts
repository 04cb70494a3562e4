/** The reference page of the metrics, made from their definitions. `npm run gen` writes it. */
import { metricDefinitions } from './definitions.ts';

/** @returns path and content of each generated file */
export function metricsReferenceFiles(): [path: string, content: string][] {
  return [['docs/reference/metrics.md', page()]];
}

function page(): string {
  const rows = metricDefinitions.map(({ name, type, help, labels = {} }) => {
    const told = Object.entries(labels).map(([label, meaning]) => `\`${label}\`: ${meaning}`);
    return `| ${[`\`${name}\``, type, help, told.join('; ')].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '# Metrics',
    '',
    'Made by `npm run gen` from `src/metrics/definitions.ts`; change it there.',
    '',
    '`https://BMC/metrics` has them in Prometheus’ text format 0.0.4, for every user who may log in to Redfish, whatever',
    'the role: with name and password (Basic), or with the token of a session in `X-Auth-Token`. Basic is refused where',
    'Redfish’s `HTTPBasicAuth` is `Disabled`. Counters begin at 0 with each start of the BMC, those of IPMI over LAN also',
    'with a reset of its face. A metric without a sample is one that cannot be told at present.',
    '',
    '```yaml',
    'scrape_configs:',
    '  - job_name: qemu-bmc',
    '    scheme: https',
    '    tls_config: { insecure_skip_verify: true } # or ca_file, once the certificate is your own',
    '    basic_auth: { username: reader, password_file: /etc/prometheus/bmc-password }',
    '    static_configs: [{ targets: ["192.0.2.10:443"] }]',
    '```',
    '',
    '| Metric | Type | Meaning | Labels |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
