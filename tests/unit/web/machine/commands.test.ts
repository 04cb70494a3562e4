import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curlLine, ipmitoolLine } from '../../../../src/web/machine/commands.ts';

/** The words that a shell makes of a line. */
function wordsOf(line: string): readonly string[] {
  return execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

describe('lines for a shell', () => {
  it('post an action with its body', () => {
    const line = curlLine({
      origin: 'https://bmc',
      user: 'admin',
      method: 'POST',
      uri: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset',
      body: { ResetType: 'On' },
    });
    expect(line).toBe(
      `curl -k -u admin -H 'Content-Type: application/json' -d '{"ResetType":"On"}' https://bmc/redfish/v1/Systems/1/Actions/ComputerSystem.Reset`,
    );
  });

  it('reach the shell as they are, whatever is in them', () => {
    const body = { AssetTag: `it's $HOME "and" \`more\`` };
    const line = curlLine({
      origin: 'https://bmc:8443',
      user: "o'hara",
      method: 'PATCH',
      uri: '/x?$top=1',
      body,
    });
    const words = wordsOf(line);
    expect(words).toContain("o'hara");
    expect(words).toContain(JSON.stringify(body));
    expect(words.at(-1)).toBe('https://bmc:8443/x?$top=1');
  });

  it('name the port of IPMI only where it is another one, and take brackets from an address', () => {
    const words = ['chassis', 'power', 'on'];
    expect(ipmitoolLine({ host: '10.0.0.5', port: 623, user: 'admin', words })).toBe(
      'ipmitool -I lanplus -H 10.0.0.5 -U admin -a chassis power on',
    );
    expect(ipmitoolLine({ host: '[::1]', port: 6230, user: 'admin', words })).toBe(
      'ipmitool -I lanplus -H ::1 -p 6230 -U admin -a chassis power on',
    );
  });
});
