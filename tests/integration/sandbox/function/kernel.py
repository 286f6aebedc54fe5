"""System calls that Python has no name for."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

NUMBERS = {
    "ptrace": 101, "setdomainname": 171, "adjtimex": 159, "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_open": 434, "pidfd_getfd": 438, "open_tree": 428,
    "fsopen": 430, "fspick": 433, "mount_setattr": 442, "io_uring_setup": 425, "io_uring_register": 427, "io_setup": 206,
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "keyctl": 250, "request_key": 249,
    "kexec_file_load": 320, "delete_module": 176, "name_to_handle_at": 303, "lookup_dcookie": 212, "nfsservctl": 180,
    "uselib": 134, "ustat": 136, "sysfs": 139, "_sysctl": 156, "pivot_root": 155, "umount2": 166, "mount": 165,
    "swapoff": 168, "iopl": 172, "ioperm": 173, "create_module": 174, "quotactl_fd": 443, "memfd_secret": 447,
    "landlock_create_ruleset": 444, "move_pages": 279, "migrate_pages": 256, "statmount": 457, "listmount": 458,
    "lsm_set_self_attr": 460, "open_by_handle_at": 304, "fanotify_init": 300, "setns": 308, "unshare": 272, "clone3": 435,
    "semget": 64, "shmget": 29, "shmat": 30, "msgget": 68, "mq_open": 240, "personality": 135, "syslog": 103, "setrlimit": 160,
}


def call(number, *arguments):
    """Raises OSError as os functions do."""
    number = NUMBERS.get(number, number)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
