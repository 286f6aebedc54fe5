"""Files: the kernel's, the host's, the platform's and other functions'."""

import os


def write(path):
    with open(path, "wb", buffering=0) as file:
        return file.write(b"1\n")


def read(path):
    with open(path, "rb", buffering=0) as file:
        text = file.read(64)
    if not text:
        raise OSError(61, "nothing in it")  # ENODATA: a covered file
    return text


def link(source, target):
    os.link(source, target)
    return os.stat(target).st_nlink


def names_below(folders, wanted):
    found = []
    for folder in folders:
        for where, _, files in os.walk(folder):
            found += [os.path.join(where, name) for name in files if name in wanted]
    if not found:
        raise FileNotFoundError(2, "none")
    return found


WRITES = """
/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug /proc/sys/kernel/hostname
/proc/sys/kernel/sysrq /proc/sys/kernel/ns_last_pid /proc/sys/kernel/shmmax /proc/sys/kernel/yama/ptrace_scope
/proc/sys/kernel/randomize_va_space /proc/sys/vm/drop_caches /proc/sys/vm/overcommit_memory /proc/sys/fs/file-max
/proc/sys/fs/binfmt_misc/register /proc/sys/fs/suid_dumpable /proc/sys/net/ipv4/ip_forward
/proc/sys/net/ipv4/ping_group_range /proc/sys/user/max_user_namespaces /proc/sysrq-trigger
/proc/self/oom_score_adj /proc/1/oom_score_adj /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
/proc/self/attr/current /proc/self/timens_offsets /proc/self/mem /proc/self/clear_refs /proc/self/autogroup
/proc/self/comm /proc/self/coredump_filter /proc/irq/0/smp_affinity /proc/acpi/wakeup /proc/scsi/scsi /proc/mtrr
/sys/kernel/uevent_helper /sys/kernel/mm/ksm/run /sys/power/state /sys/fs/cgroup/release_agent
/sys/fs/cgroup/memory/release_agent /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/cgroup.subtree_control
/dev/mem /dev/kmem /dev/port /dev/kmsg /dev/sda /dev/vda /dev/nvme0n1 /dev/loop0 /dev/loop-control /dev/fuse /dev/kvm
/dev/rtc /dev/rtc0 /dev/ptp0 /dev/watchdog /dev/net/tun /dev/vhost-net /dev/snapshot /dev/mapper/control /dev/hpet /dev/cpu/0/msr /dev/console /dev/tty0
/etc/passwd /etc/hosts /etc/ld.so.preload /etc/ld.so.cache /usr/bin/env /usr/lib/x /bin/sh /lib64/x
/var/task/app.py /var/task/new /var/runtime/x /opt/x /x /run/x /mnt/x /home/x /root/x /boot/x /dev/x
""".split()

READS = """
/proc/kcore /proc/kmsg /proc/keys /proc/key-users /proc/kallsyms /proc/timer_list /proc/sched_debug /proc/iomem
/proc/modules /proc/cmdline /proc/vmallocinfo /proc/slabinfo /proc/interrupts /proc/diskstats /proc/partitions
/proc/1/environ /proc/1/mem /proc/1/maps /proc/1/exe /proc/1/io /proc/1/root/etc/passwd /proc/1/cwd/etc/passwd
/proc/1/fd/0 /proc/1/fd/3 /proc/1/task/1/environ /proc/sys/kernel/../../1/environ
/etc/shadow /etc/gshadow /etc/sudoers /root/.bashrc /root/.ssh/id_rsa /var/lib/dpkg/status /var/log/syslog /boot/x
/sys/class/net/eth0/address /sys/kernel/security/lockdown /sys/fs/cgroup/memory/memory.limit_in_bytes
""".split()


def attempts(event):
    data = event["data"]
    found = {"write " + path: lambda path=path: write(path) for path in WRITES}
    found |= {"read " + path: lambda path=path: read(path) for path in READS}
    for name in ("", "/root-credentials", "/store/CURRENT", "/code", "/sandboxes/lock"):
        found[f"read data directory{name}"] = lambda name=name: read(data + name)
        found[f"through init{name}"] = lambda name=name: read("/proc/1/root" + data + name)
    found |= {
        "a cgroup's release_agent": lambda: names_below(["/proc/self", "/sys", "/dev", "/run", "/mnt"], {"release_agent"}),
        "the server's files": lambda: names_below(["/var", "/opt", "/etc", "/tmp", "/run", "/mnt", "/dev"],
                                                  {"root-credentials", "CURRENT", "server.log", "LOCK"}),
        "sockets of the host": lambda: names_below(["/run", "/tmp", "/var"], {"docker.sock", "containerd.sock",
                                                                              "system_bus_socket", "private"}),
        "code: rename": lambda: os.rename("/var/task/app.py", "/var/task/other.py"),
        "code: replace by a link": lambda: (os.symlink("/tmp", "/var/task.new"), os.rename("/var/task.new", "/var/task")),
        "code: link out": lambda: link("/var/task/app.py", "/tmp/app.py"),
        "code: mode": lambda: os.chmod("/var/task", 0o777),
        "code: mode of a file": lambda: os.chmod("/var/task/app.py", 0o666),
        "code: owner": lambda: os.chown("/var/task/app.py", os.getuid(), os.getgid()),
        "code: times": lambda: os.utime("/var/task/app.py", (0, 0)),
        "code: attribute": lambda: os.setxattr("/var/task/app.py", "user.x", b"1"),
        "code: truncate": lambda: os.truncate("/var/task/app.py", 0),
        "code: unnamed file": lambda: os.open("/var/task", os.O_TMPFILE | os.O_RDWR),
        "code: remove": lambda: os.unlink("/var/task/app.py"),
        "runtime: link out": lambda: link("/var/runtime/bootstrap.py", "/tmp/bootstrap.py"),
        "root: rename": lambda: os.rename("/usr", "/usr2"),
        "root: new link": lambda: os.symlink("/tmp", "/new"),
        "tmp: replace": lambda: os.rename("/tmp", "/tmp2"),
        "proc: replace": lambda: os.rename("/proc", "/proc2"),
        "list of init's descriptors": lambda: os.listdir("/proc/1/fd"),
        "list of init's files": lambda: os.listdir("/proc/1/map_files"),
        "host program": lambda: write("/proc/self/exe"),
        "host program of init": lambda: os.open("/proc/1/exe", os.O_RDONLY),
        "up and out": lambda: read("/var/task/" + "../" * 40 + "etc/shadow"),
        "descriptor of the old root": lambda: [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 1024)
                                               if os.path.isdir(f"/proc/self/fd/{fd}")][0],
    }
    return found
