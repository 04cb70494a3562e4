/** What the image is made of. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerImage, docker, ownLabel, ownName } from '../support/docker.ts';

const { image = '', skipped } = containerImage();
const largest = 450e6;

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
}

describe.skipIf(image === '')(`the image${skipped}`, () => {
  const name = ownName('look');
  beforeAll(async () => {
    const options = ['--name', name, '--label', ownLabel(), '--entrypoint', 'sleep'];
    await docker('run', '-d', ...options, image, '600');
  });
  afterAll(() => docker('rm', '-fv', name));
  const shell = (script: string) => docker('exec', name, 'sh', '-c', script);

  it(`takes at most ${largest / 1e6} MB`, async () => {
    const size = Number(await docker('image', 'inspect', '--format', '{{.Size}}', image));
    expect(size).toBeGreaterThan(100e6);
    expect(size).toBeLessThanOrEqual(largest);
  });

  it('says what it is, how to find out whether it is well, and where its data belong', async () => {
    const [text] = JSON.parse(await docker('image', 'inspect', image)) as {
      Config: {
        Labels: Record<string, string>;
        Healthcheck: { Test: string[] };
        Volumes: Record<string, object>;
        Entrypoint: string[];
        ExposedPorts: Record<string, object>;
      };
    }[];
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(text?.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'qemu-bmc',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': version,
    });
    expect(text?.Config.Healthcheck.Test).toEqual(['CMD', '/usr/local/bin/qemu-bmc', 'health']);
    expect(Object.keys(text?.Config.Volumes ?? {}).sort()).toEqual(['/iso', '/var/lib/qemu-bmc', '/vm']);
    expect(text?.Config.Entrypoint[0]).toBe('/usr/bin/tini');
    expect(Object.keys(text?.Config.ExposedPorts ?? {})).toContain('623/udp');
  });

  it('has every program that runs, and none to build with', async () => {
    const there = 'qemu-system-x86_64 qemu-img swtpm ip tc ethtool tini setpriv capsh node qemu-bmc';
    expect((await shell(`for p in ${there}; do command -v $p >/dev/null || echo $p; done`)).trim()).toBe('');
    const absent = 'npm npx corepack yarn gcc cc make tsc git curl wget apt-ftparchive';
    expect((await shell(`for p in ${absent}; do command -v $p || true; done`)).trim()).toBe('');
    expect((await shell('qemu-system-x86_64 -device help 2>&1')).toString()).toContain('virtio-net-pci');
  });

  it('has no sources, tests or packages that only development needs', async () => {
    expect((await shell('ls /app')).trim().split('\n').sort()).toEqual(
      ['LICENSE', 'NOTICE', 'build', 'configs', 'dist', 'node_modules', 'package.json', 'scripts'].sort(),
    );
    const sources = `find /app \\( -name '*.ts' -o -name '*.test.*' -o -name '*.map' \\)`;
    expect((await shell(sources)).trim()).toBe('');
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    // A package that the program itself needs as well is no development package to npm.
    const forDevelopment = Object.entries(lock.packages)
      .filter(([, { dev }]) => dev === true)
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
      .filter((name) => lock.packages[`node_modules/${name}`]?.dev === true);
    expect(forDevelopment).toContain('vitest');
    const modules = (await shell('ls /app/node_modules; ls -d /app/node_modules/@*/* || true')).split('\n');
    for (const dependency of forDevelopment) {
      expect(modules.map((path) => path.replace('/app/node_modules/', ''))).not.toContain(dependency);
    }
  });

  it('has no program that gives its caller more rights than he has', async () => {
    expect((await shell('find / -xdev -type f -perm /6000')).trim()).toBe('');
    expect((await shell('find / -xdev -type f -perm -0002 ! -path "/proc/*"')).trim()).toBe('');
  });

  it('can fetch media over the network: QEMU loads each driver', async () => {
    for (const scheme of ['http', 'nfs', 'iscsi', 'ssh']) {
      const said = await shell(`qemu-img info ${scheme}://127.0.0.1:1/x/y/0 2>&1 || true`);
      expect(said).not.toContain('Unknown protocol');
      expect(said).toMatch(/qemu-img: Could not open/);
    }
  });

  it('lists in its SBOM exactly what is in it: npm packages by the lock file, Debian’s by dpkg, and Node', async () => {
    const sbom = JSON.parse(await shell('cat /usr/share/doc/qemu-bmc/sbom.cdx.json')) as {
      bomFormat: string;
      components: Component[];
    };
    expect(sbom.bomFormat).toBe('CycloneDX');
    const names = (kind: string) =>
      sbom.components
        .filter(({ purl }) => purl?.startsWith(`pkg:${kind}/`))
        .map((each) => `${each.name}@${each.version}`)
        .sort();
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string; dev?: boolean; optional?: boolean }>;
    };
    const wanted = Object.entries(lock.packages).flatMap(([path, { version, dev, optional }]) =>
      path === '' || dev || optional ? [] : [`${path.split('node_modules/').at(-1)}@${version}`],
    );
    const npm = names('npm');
    for (const each of wanted) expect(npm).toContain(each);
    // Folders that Node would take for packages, found another way than by the list's maker.
    const folders = await shell(
      "cd /app/node_modules && find . -mindepth 2 -name package.json | grep -E '^(.*/node_modules|[.])/(@[^/]+/)?[^/]+/package[.]json$'",
    );
    expect(new Set(npm).size).toBe(npm.length);
    const listed = new Set(npm.map((each) => each.slice(0, each.lastIndexOf('@'))));
    const found = folders
      .trim()
      .split('\n')
      .map((path) => /((@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1]);
    expect([...new Set(found)].sort()).toEqual([...listed].sort());

    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own syntax
    const dpkg = (await shell("dpkg-query -W -f '${Package}@${Version}\\n'")).trim().split('\n').sort();
    const debian = names('deb');
    expect(debian.filter((each) => !dpkg.includes(each))).toEqual([]);
    // Of the rest nothing but the licence is left.
    const gone = dpkg.filter((each) => !debian.includes(each)).map((each) => each.split('@')[0] ?? '');
    expect(gone).toContain('librbd1');
    for (const each of gone) {
      const left = `dpkg -L ${each} | while read -r f; do [ -f "$f" ] && echo "$f"; done | grep -v ^/usr/share/doc/ || true`;
      expect((await shell(left)).trim()).toBe('');
    }
    expect(sbom.components.find(({ name: each }) => each === 'node')?.version).toMatch(/^24\./);
  });

  it('brings the licences of all that is in it, pm2’s named', async () => {
    expect(await shell('cat /usr/share/doc/qemu-bmc/NOTICE')).toMatch(/pm2\s+AGPL-3\.0/);
    expect(await shell('cat /usr/share/doc/qemu-bmc/LICENSE')).toContain('Apache License');
    expect(await shell('ls /app/node_modules/pm2')).toMatch(/AGPL|LICENSE/);
    const without = await shell(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own syntax
      "dpkg-query -W -f '${Package}\\n' | while read -r p; do [ -e /usr/share/doc/$p/copyright ] || echo $p; done",
    );
    expect(without.trim()).toBe('');
  });

  it('names neither a secret nor a setting of a machine that built it in its history', async () => {
    const history = await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', image);
    expect(history).not.toMatch(/PASS|TOKEN|SECRET|registry=/i);
    expect(existsSync('.dockerignore')).toBe(true);
  });

  it('holds no key, no credential, no repository and no one’s files, in none of its layers', async () => {
    // Layers only add: what a container shows is all that the image holds.
    const made = await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', image);
    expect(made).not.toMatch(/\bRUN\b|\/bin\/sh -c (?!#\(nop\))/);
    const names =
      '-name .git -o -name .npmrc -o -name .env -o -name "id_[rde]*[a9]" -o -name "*.key" -o -name .docker -o -name .ssh ' +
      '-o -name .netrc -o -name .npm -o -name .node_repl_history -o -name .bash_history';
    expect((await shell(`find / -xdev \\( ${names} \\)`)).trim()).toBe('');
    const keys =
      "grep -rlE -e '^-----BEGIN [A-Z ]*PRIVATE KEY-----$' /app /etc /home /opt /root /srv /usr/local /var || true";
    expect((await shell(keys)).trim()).toBe('');
    expect(
      (await shell('find /root /home -mindepth 1 -type f ! -name ".bash*" ! -name .profile')).trim(),
    ).toBe('');
  });
});
