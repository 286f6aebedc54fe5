#pragma once

/// What of /proc tells about the machine beyond the sandbox.
namespace cumulet::compute::sandbox {

inline constexpr const char* kMaskedProcFiles[] = {
    "kcore",      "kmsg",        "keys",       "key-users",     "kallsyms",    "kpagecount",
    "kpageflags", "kpagecgroup", "timer_list", "sysrq-trigger", "sched_debug", "latency_stats",
    "interrupts", "softirqs",    "modules",    "config.gz",     "vmallocinfo", "slabinfo",
    "iomem",      "ioports",     "mtrr",       "cmdline",       "diskstats",   "partitions"};
inline constexpr const char* kMaskedProcDirectories[] = {"acpi", "scsi", "asound", "bus", "irq", "driver", "fs"};

}  // namespace cumulet::compute::sandbox
