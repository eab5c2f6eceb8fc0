/**
 * Python that sends process 1 a SIGTERM as if from outside of its PID namespace: with a code that a sender
 * may choose, then with that of kill(2). Prints what the kernel said to each.
 */
export const FORGED_STOP = `import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
SYS_RT_SIGQUEUEINFO = {"x86_64": 129, "aarch64": 138}[os.uname().machine]
for code in (-1, 0):
    info = struct.pack("iiiiii", 15, 0, code, 0, 0, 0) + bytes(104)
    print(libc.syscall(SYS_RT_SIGQUEUEINFO, 1, 15, info), flush=True)`;
