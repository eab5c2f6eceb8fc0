import type { ClusterHost } from '../cluster-host.ts';

/** What the image build needs of this machine. */
export type ImageHost = Pick<ClusterHost, 'cacheDir' | 'env' | 'uid' | 'logger' | 'signal'>;
