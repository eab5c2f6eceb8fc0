import { describe, expect, it } from 'vitest';
import { type CgroupFacts, findCgroupLayout } from './cgroup-layout.ts';

const V1_MOUNTS = ['memory', 'pids', 'cpu,cpuacct']
  .map((name) => `30 29 0:26 / /cg/${name} rw,relatime - cgroup cgroup rw,${name}`)
  .join('\n');
const V2_MOUNT = '31 29 0:27 / /cg rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';

const find = (facts: Partial<CgroupFacts>) =>
  findCgroupLayout({
    mountinfo: '',
    own: '',
    isWritable: () => true,
    enableControllers: () => true,
    enableWithLeaf: () => false,
    ...facts,
  });

describe('cgroup layout', () => {
  it('uses v1 below the own cgroup of each controller', () => {
    const own = '4:memory:/box/a:b\n3:pids:/\n1:cpu,cpuacct:/box';
    expect(find({ mountinfo: V1_MOUNTS, own })).toEqual({
      version: 1,
      base: {
        memory: '/cg/memory/box/a:b',
        pids: '/cg/pids',
        cpu: '/cg/cpu,cpuacct/box',
        cpuacct: '/cg/cpu,cpuacct/box',
      },
    });
  });

  it('goes to the top of a hierarchy where the own cgroup is not visible', () => {
    const own = '4:memory:/docker/x\n3:pids:/docker/x\n1:cpu,cpuacct:/docker/x';
    const isWritable = (folder: string) => !folder.includes('docker');
    expect(find({ mountinfo: V1_MOUNTS, own, isWritable })).toMatchObject({
      version: 1,
      base: { memory: '/cg/memory', pids: '/cg/pids' },
    });
  });

  it('uses v2 where its controllers can be enabled', () => {
    const enableControllers = (folder: string) => folder === '/cg';
    expect(find({ mountinfo: V2_MOUNT, own: '0::/user.slice/me', enableControllers })).toEqual({
      version: 2,
      base: '/cg',
    });
  });

  it.each([
    ['a delegated scope', '0::/user.slice/run.scope', ['/cg/user.slice/run.scope']],
    ['the leaf of one', '0::/user.slice/run.scope/clawgym-own', ['/cg/user.slice/run.scope']],
    ['the top', '0::/', []],
    ['a place out of sight', '1:name=x:/', []],
  ])('makes room only in the own cgroup, in %s', (_, own, tried) => {
    const asked: string[] = [];
    const found = find({
      mountinfo: V2_MOUNT,
      own,
      enableControllers: () => false,
      enableWithLeaf: (folder) => asked.push(folder) > 0,
    });
    expect(asked).toEqual(tried);
    expect(found).toMatchObject(tried[0] === undefined ? {} : { version: 2, base: tried[0] });
  });

  it('moves nothing where the own cgroup is not writable or the top can be used', () => {
    const refuse = () => {
      throw new Error('moved processes');
    };
    const facts = { mountinfo: V2_MOUNT, own: '0::/me', enableWithLeaf: refuse };
    const readOnly = (folder: string) => folder !== '/cg/me';
    const onlyTop = (folder: string) => folder === '/cg';
    expect(find({ ...facts, enableControllers: onlyTop })).toEqual({ version: 2, base: '/cg' });
    expect(find({ ...facts, isWritable: readOnly, enableControllers: () => false })).toHaveProperty(
      'reason',
    );
  });

  it('takes v2 on a mixed host whose v1 hierarchies cannot be written', () => {
    const isWritable = (folder: string) => folder === '/cg';
    const mountinfo = `${V1_MOUNTS}\n${V2_MOUNT}`;
    expect(find({ mountinfo, own: '0::/', isWritable })).toEqual({ version: 2, base: '/cg' });
  });

  it.each([
    ['nothing is mounted', { mountinfo: '' }, 'memory, pids, cpu'],
    ['nothing is writable', { mountinfo: V1_MOUNTS, isWritable: () => false }, 'memory, pids, cpu'],
    [
      'one controller is missing',
      { mountinfo: V1_MOUNTS, isWritable: (folder: string) => !folder.includes('pids') },
      'pids',
    ],
    [
      'v2 holds processes',
      { mountinfo: V2_MOUNT, enableControllers: () => false },
      'memory, pids, cpu',
    ],
  ])('says which controllers are missing where %s', (_, facts, names) => {
    expect(find(facts)).toEqual({ reason: `no writable cgroup hierarchy for ${names}` });
  });
});
