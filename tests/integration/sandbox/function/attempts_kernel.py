"""Doors into the kernel: what the filter of system calls has to refuse."""

import ctypes
import mmap
import os

from kernel import call, libc


def prctl(*arguments):
    if libc.prctl(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return 0


def by_32_bit_abi(number):
    """`int 0x80`, through a few bytes of machine code."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # push rbx; mov eax, number; xor ebx, ebx; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret
    code.write(b"\x53\xb8" + number.to_bytes(4, "little") + b"\x31\xdb\x31\xc9\x31\xd2\xcd\x80\x5b\xc3")
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    result = function()
    if result < 0:
        raise OSError(-result, "")
    return result


def release_agent():
    """The old way out: a hierarchy of control groups of one's own, whose agent the host's kernel starts as root."""
    os.makedirs("/tmp/groups", exist_ok=True)
    for controller in (b"rdma", b"memory", b"pids", b"none,name=mine"):
        try:
            call("mount", b"cgroup", b"/tmp/groups", b"cgroup", 0, controller)
        except OSError as error:
            problem = error
            continue
        with open("/tmp/groups/release_agent", "w") as file:
            file.write("/tmp/agent")
        return "mounted"
    raise problem


def attempts(event):
    parent = os.getppid()
    room = ctypes.create_string_buffer(4096)
    vector = (ctypes.c_long * 2)(ctypes.addressof(room), 8)
    plain = {
        "ptrace-parent": lambda: call("ptrace", 16, parent, 0, 0),
        "ptrace-seize-init": lambda: call("ptrace", 0x4206, 1, 0, 0),
        "read-memory": lambda: call("process_vm_readv", parent, vector, 1, vector, 1, 0),
        "write-memory": lambda: call("process_vm_writev", parent, vector, 1, vector, 1, 0),
        "steal-descriptor": lambda: call("pidfd_getfd", call("pidfd_open", parent, 0), 0, 0),
        "compare": lambda: call("kcmp", parent, os.getpid(), 0, 0, 0),
        "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        "mount-release-agent": lambda: release_agent(),
        "mount-release-agent-within": lambda: (call("unshare", 0x10000000 | 0x00020000 | 0x02000000), release_agent()),
        "umount": lambda: call("umount2", b"/tmp", 2),
        "pivot-root": lambda: call("pivot_root", b"/", b"/tmp"),
        "open-tree": lambda: call("open_tree", -100, b"/", 1),
        "fsopen-cgroup": lambda: call("fsopen", b"cgroup2", 0),
        "fspick": lambda: call("fspick", -100, b"/tmp", 0),
        "statmount": lambda: call("statmount", room, room, 512, 0),
        "listmount": lambda: call("listmount", room, room, 10, 0),
        "io-uring": lambda: call("io_uring_setup", 8, room),
        "io-uring-register": lambda: call("io_uring_register", 0, 0, 0, 0),
        "aio": lambda: call("io_setup", 60000, ctypes.byref(ctypes.c_ulong())),
        "bpf": lambda: call("bpf", 5, room, 128),
        "perf": lambda: call("perf_event_open", room, 0, -1, -1, 0),
        "userfaultfd": lambda: call("userfaultfd", 1),
        "userfaultfd-device": lambda: os.open("/dev/userfaultfd", os.O_RDWR),
        "add-key": lambda: call("add_key", b"user", b"name", b"value", 5, -5),
        "keyctl": lambda: call("keyctl", 0, -3, 0, 0, 0),
        "join-session-keyring": lambda: call("keyctl", 1, b"session", 0, 0, 0),
        "persistent-keyring": lambda: call("keyctl", 22, -1, -2, 0, 0),
        "request-key": lambda: call("request_key", b"user", b"name", 0, -3),
        "kexec": lambda: call("kexec_file_load", 0, 0, 0, b"", 0),
        "remove-module": lambda: call("delete_module", b"ext4", 0),
        "handles": lambda: call("open_by_handle_at", -100, room, 0),
        "name-handle": lambda: call("name_to_handle_at", -100, b"/", room, room, 0),
        "fanotify": lambda: call("fanotify_init", 0, 0),
        "swap-off": lambda: call("swapoff", b"/dev/sda"),
        "ports": lambda: call("ioperm", 0x70, 2, 1),
        "secret-memory": lambda: call("memfd_secret", 0),
        "quota": lambda: call("quotactl_fd", 0, 0, 0, 0),
        "migrate": lambda: call("migrate_pages", parent, 0, 0, 0),
        "move-pages": lambda: call("move_pages", parent, 0, 0, 0, 0, 0),
        "security-label": lambda: call("lsm_set_self_attr", 0, room, 0, 0),
        "dmesg": lambda: call("syslog", 3, room, 100),
        "domain-name": lambda: call("setdomainname", b"x", 1),
        "set-clock": lambda: call("clock_settime", 0, room),
        "set-time": lambda: call("settimeofday", room, 0),
        "adjust-clock": lambda: call("adjtimex", ctypes.create_string_buffer(b"\x01" + bytes(300))),
        "adjust-one-clock": lambda: call("clock_adjtime", 0, ctypes.create_string_buffer(b"\x01" + bytes(300))),
        "persona": lambda: call("personality", 0x0040000),
        "new-user-namespace": lambda: call("unshare", 0x10000000),
        "new-mount-namespace": lambda: call("unshare", 0x00020000),
        "new-groups": lambda: call("unshare", 0x02000000),
        "new-network": lambda: call("unshare", 0x40000000),
        "enter-namespace": lambda: call("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0),
        "clone3": lambda: call("clone3", room, 88),
        "memory-map": lambda: prctl(35, 1, 0, 0, 0),  # PR_SET_MM
        "io-flusher": lambda: prctl(57, 1, 0, 0, 0),
        "raise-capability": lambda: prctl(47, 2, 21, 0, 0),
        "secure-bits": lambda: prctl(28, 0, 0, 0, 0),
        "new-privileges": lambda: prctl(38, 0, 0, 0, 0),  # PR_SET_NO_NEW_PRIVS off
        "seccomp-off": lambda: prctl(22, 0, 0, 0, 0),
        "message-queue": lambda: call("mq_open", b"queue", 0o102, 0o600, 0),
        "device": lambda: os.mknod("/tmp/disk", 0o060600, os.makedev(254, 0)),
        "memory-device": lambda: os.mknod("/tmp/memory", 0o020600, os.makedev(1, 1)),
        "chroot": lambda: os.chroot("/tmp"),
        "host-name": lambda: __import__("socket").sethostname("x"),
        "nice": lambda: os.nice(-1),
        "real-time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "more-files": lambda: call("setrlimit", 7, (ctypes.c_long * 2)(100_000, 100_000)),
        "root": lambda: os.setuid(0),
        "root-group": lambda: os.setgroups([0]),
    }
    if os.uname().machine != "x86_64":
        return {name: plain[name] for name in ("device", "memory-device", "chroot", "host-name", "nice", "real-time",
                                               "more-files", "root", "root-group")}
    for name, number in {"mount": 21, "ptrace": 26, "unshare": 310, "bpf": 357, "getpid": 20, "socket": 359}.items():
        plain["32-bit-" + name] = lambda number=number: by_32_bit_abi(number)
    for name, number in {"mount": 165, "ptrace": 521, "unshare": 272, "getpid": 39, "keyctl": 250}.items():
        plain["x32-" + name] = lambda number=number: call(0x40000000 + number, 0, 0, 0, 0, 0)
    return plain
