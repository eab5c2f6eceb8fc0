/** Names of PinchBench task files. */
export const PINCHBENCH_FILE = /^task_.+\.md$/;
