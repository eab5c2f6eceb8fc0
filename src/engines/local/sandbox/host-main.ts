import { serveSandboxHost } from './host-process.ts';

serveSandboxHost();
